//! Identifiers. Nodes, allocations and evaluations have UUIDs; jobs are named by their users within a namespace.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a new id from the generator's next 16 bytes.
            pub fn random(rng: &mut (impl Rng + ?Sized)) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// Returns the first eight characters, as shown to people.
            pub fn short(&self) -> String {
                self.to_string()[..8].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// Identifies an allocation.
    AllocId
);
uuid_id!(
    /// Identifies a deployment.
    DeploymentId
);
uuid_id!(
    /// Identifies an evaluation.
    EvalId
);
uuid_id!(
    /// Identifies a node for as long as its data directory lives.
    NodeId
);

/// A job's id as its user chose it; it may contain `/`.
pub type JobId = String;

/// A job within its namespace: the key of everything that belongs to it. Cheap to clone: each allocation has one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobKey(Arc<JobKeyParts>);

/// What a [`JobKey`] is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKeyParts {
    /// The namespace, `default` when nothing is said.
    pub namespace: String,
    /// The job's id.
    pub id: JobId,
}

impl JobKey {
    /// Makes the key of `id` in `namespace`.
    pub fn new(namespace: impl Into<String>, id: impl Into<String>) -> Self {
        Self(Arc::new(JobKeyParts { namespace: namespace.into(), id: id.into() }))
    }
}

impl Deref for JobKey {
    type Target = JobKeyParts;
    fn deref(&self) -> &JobKeyParts {
        &self.0
    }
}

impl fmt::Debug for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "default" => f.write_str(&self.id),
            namespace => write!(f, "{}@{namespace}", self.id),
        }
    }
}
