//! What the objects of a job are called in a diff, and how they are compared.
//!
//! Names of objects are those of Nomad's diffs; keys are those of its API.

/// An object: which of its keys are objects again, and which do not count.
#[derive(Debug)]
pub(super) struct Shape {
    /// What servers set, and what names the object itself.
    pub hidden: &'static [&'static str],
    /// Keys that are objects, or lists of them. All other keys are fields.
    pub parts: &'static [Part],
    /// By which keys members of a list find their counterparts, the best first; without any they are members of a set, of
    /// which one is another as soon as anything in it differs.
    pub matched_by: &'static [&'static [&'static str]],
    /// Whether the only members of two lists are counterparts, whatever differs.
    pub lone: bool,
}

/// A key of an object that is an object itself.
#[derive(Debug)]
pub(super) struct Part {
    pub key: &'static str,
    /// What it is called.
    pub name: &'static str,
    pub kind: Kind,
}

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Kind {
    /// One object.
    One(&'static Shape),
    /// A list of objects.
    Many(&'static Shape),
    /// A map of objects, by their names.
    Named(&'static Shape),
    /// A set of texts.
    Texts,
    /// An object with whatever keys; all below is flattened into fields.
    Free,
}

const fn one(key: &'static str, name: &'static str, shape: &'static Shape) -> Part {
    Part { key, name, kind: Kind::One(shape) }
}

const fn many(key: &'static str, name: &'static str, shape: &'static Shape) -> Part {
    Part { key, name, kind: Kind::Many(shape) }
}

const fn named(key: &'static str, name: &'static str, shape: &'static Shape) -> Part {
    Part { key, name, kind: Kind::Named(shape) }
}

const fn texts(key: &'static str) -> Part {
    Part { key, name: key, kind: Kind::Texts }
}

const fn free(key: &'static str, name: &'static str) -> Part {
    Part { key, name, kind: Kind::Free }
}

const fn shape(parts: &'static [Part]) -> Shape {
    Shape { hidden: &[], parts, matched_by: &[], lone: false }
}

/// An object of fields alone.
const PLAIN: Shape = shape(&[]);

pub(super) const JOB: Shape = Shape {
    hidden: &[
        "ID",
        "Status",
        "StatusDescription",
        "Version",
        "VersionTag",
        "Stable",
        "CreateIndex",
        "ModifyIndex",
        "JobModifyIndex",
        "SubmitTime",
        "NomadTokenID",
    ],
    parts: &[
        texts("Datacenters"),
        many("Constraints", "Constraint", &PLAIN),
        many("Affinities", "Affinity", &PLAIN),
        many("Spreads", "Spread", &SPREAD),
        one("Update", "Update", &PLAIN),
        one("Reschedule", "ReschedulePolicy", &PLAIN),
        one("Migrate", "Migrate", &PLAIN),
        one("Periodic", "Periodic", &PLAIN),
        one("ParameterizedJob", "ParameterizedJob", &PARAMETERIZED),
        free("Multiregion", "Multiregion"),
        free("UI", "UI"),
    ],
    ..shape(&[])
};

pub(super) const GROUP: Shape = Shape {
    hidden: &["Name"],
    parts: &[
        many("Constraints", "Constraint", &PLAIN),
        many("Affinities", "Affinity", &PLAIN),
        many("Spreads", "Spread", &SPREAD),
        one("RestartPolicy", "RestartPolicy", &PLAIN),
        one("ReschedulePolicy", "ReschedulePolicy", &PLAIN),
        one("Disconnect", "Disconnect", &PLAIN),
        one("EphemeralDisk", "EphemeralDisk", &PLAIN),
        one("Update", "Update", &PLAIN),
        one("Migrate", "Migrate", &PLAIN),
        many("Networks", "Network", &NETWORK),
        many("Services", "Service", &SERVICE),
        named("Volumes", "Volume", &VOLUME),
        one("Scaling", "Scaling", &SCALING),
        free("Consul", "Consul"),
    ],
    ..shape(&[])
};

pub(super) const TASK: Shape = Shape {
    hidden: &["Name"],
    parts: &[
        many("Constraints", "Constraint", &PLAIN),
        many("Affinities", "Affinity", &PLAIN),
        free("Config", "Config"),
        one("Resources", "Resources", &RESOURCES),
        one("RestartPolicy", "RestartPolicy", &PLAIN),
        one("Lifecycle", "Lifecycle", &PLAIN),
        one("LogConfig", "LogConfig", &PLAIN),
        one("DispatchPayload", "DispatchPayload", &PLAIN),
        many("Artifacts", "Artifact", &PLAIN),
        many("Services", "Service", &SERVICE),
        free("Vault", "Vault"),
        free("Consul", "Consul"),
        many("Templates", "Template", &TEMPLATE),
        many("VolumeMounts", "VolumeMount", &PLAIN),
        free("CSIPluginConfig", "CSIPluginConfig"),
        many("ScalingPolicies", "Scaling", &SCALING),
        many("Secrets", "Secret", &PLAIN),
        one("Identity", "Identity", &PLAIN),
        many("Identities", "Identity", &IDENTITY),
        many("Actions", "Action", &ACTION),
        free("Schedule", "Schedule"),
    ],
    ..shape(&[])
};

const PARAMETERIZED: Shape = shape(&[texts("MetaRequired"), texts("MetaOptional")]);

const SPREAD: Shape =
    Shape { matched_by: &[&["Attribute"]], ..shape(&[many("SpreadTarget", "SpreadTarget", &TARGET)]) };

const TARGET: Shape = Shape { matched_by: &[&["Value"]], ..shape(&[]) };

const RESOURCES: Shape =
    shape(&[many("Networks", "Network", &NETWORK), many("Devices", "Device", &DEVICE), free("NUMA", "NUMA")]);

const DEVICE: Shape = Shape {
    matched_by: &[&["Name"]],
    ..shape(&[many("Constraints", "Constraint", &PLAIN), many("Affinities", "Affinity", &PLAIN)])
};

const NETWORK: Shape = Shape {
    matched_by: &[&["Mode", "Device"]],
    lone: true,
    ..shape(&[
        many("DynamicPorts", "Dynamic Port", &PORT),
        many("ReservedPorts", "Static Port", &PORT),
        free("DNS", "DNS"),
        free("CNI", "CNI"),
    ])
};

const PORT: Shape = Shape { matched_by: &[&["Label"]], ..shape(&[]) };

const SERVICE: Shape = Shape {
    matched_by: &[&["Name", "PortLabel"], &["Name"], &["PortLabel"]],
    lone: true,
    ..shape(&[
        texts("Tags"),
        texts("CanaryTags"),
        many("Checks", "Check", &CHECK),
        one("CheckRestart", "CheckRestart", &PLAIN),
        free("Connect", "ConsulConnect"),
        one("Identity", "Identity", &PLAIN),
        free("Weights", "Weights"),
    ])
};

const CHECK: Shape = Shape {
    matched_by: &[&["Name", "Type"], &["Name"]],
    lone: true,
    ..shape(&[free("Header", "Header"), one("CheckRestart", "CheckRestart", &PLAIN)])
};

const VOLUME: Shape = shape(&[free("MountOptions", "MountOptions")]);

/// Ids and the target are set by servers.
const SCALING: Shape = Shape {
    hidden: &["ID", "Namespace", "Target", "Type", "CreateIndex", "ModifyIndex"],
    matched_by: &[&["Type"]],
    ..shape(&[free("Policy", "Policy")])
};

const TEMPLATE: Shape = Shape {
    matched_by: &[&["DestPath"]],
    ..shape(&[one("Wait", "Wait", &PLAIN), one("ChangeScript", "ChangeScript", &PLAIN)])
};

const IDENTITY: Shape = Shape { matched_by: &[&["Name"]], ..shape(&[]) };

const ACTION: Shape = Shape { matched_by: &[&["Name"]], ..shape(&[]) };
