//! One command, one file; each file's first doc comment is its help.

pub mod agent;
pub mod alloc_status;
pub mod eval_status;
pub mod job_init;
pub mod job_run;
pub mod job_status;
pub mod job_stop;
pub mod job_validate;
pub mod node_eligibility;
pub mod node_status;
pub mod scenario;
pub mod status;
pub mod test;
pub mod version;
