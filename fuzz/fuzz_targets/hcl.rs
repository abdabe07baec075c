//! Job files in HCL: whatever the text, it is read or refused with errors that can be drawn.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pasture_jobspec::{Options, hcl};

fuzz_target!(|text: &str| {
    // Not random: the same text has to take the same path again.
    let random: Arc<dyn Fn(&mut [u8]) + Send + Sync> = Arc::new(|bytes: &mut [u8]| bytes.fill(7));
    let inputs = hcl::Inputs { random: Some(random), ..hcl::Inputs::default() };
    match pasture_jobspec::parse("fuzz.hcl", text, &Options { inputs }) {
        Ok(parsed) => drop(parsed.warnings.iter().map(|warning| warning.render(false)).collect::<Vec<_>>()),
        Err(problems) => drop(problems.render(false)),
    }
});
