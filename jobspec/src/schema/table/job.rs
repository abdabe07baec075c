//! Jobs, and what jobs, groups and tasks have in common.

use super::super::{Attribute, BlockType, Holds, Kind, Rule};
use super::group::GROUP;
use super::task::{SECRET, TASK, VAULT};
use super::{
    HEALTH_CHECK, NONE, U32, U64, api, attribute, block, duration, flag, free_text_map, int, kept, known,
    list, moved, named, one, raw, ruled, text, text_map, texts,
};

const JOB_TYPE: Kind = Kind::Word("job type", &["service", "batch", "system", "sysbatch"]);

const JOB_STATUS: Kind = Kind::Word("job status", &["pending", "running", "dead"]);

const OPERATOR: Kind = Kind::Word(
    "operator",
    &[
        "=",
        "==",
        "is",
        "!=",
        "not",
        "<",
        "<=",
        ">",
        ">=",
        "regexp",
        "version",
        "semver",
        "set_contains",
        "set_contains_all",
        "set_contains_any",
        "is_set",
        "is_not_set",
        "distinct_hosts",
        "distinct_property",
    ],
);

/// A job: the root of the schema.
pub static JOB: BlockType = ruled(
    known(
        "job",
        &[
            text("region", "Region").or_null(),
            text("namespace", "Namespace").or_null(),
            text("id", "ID").or_null(),
            text("name", "Name").or_null(),
            attribute("type", "Type", JOB_TYPE).or_null(),
            attribute("priority", "Priority", Kind::Int(0, 255)).or_null(),
            flag("all_at_once", "AllAtOnce").or_null(),
            texts("datacenters", "Datacenters"),
            text("node_pool", "NodePool").or_null(),
            api("Stop", Kind::Bool).or_null(),
            api("ParentID", Kind::Text).or_null(),
            api("Dispatched", Kind::Bool),
            api("DispatchIdempotencyToken", Kind::Text).or_null(),
            api("Payload", Kind::Text).or_null(),
            api("ConsulNamespace", Kind::Text).or_null(),
            api("VaultNamespace", Kind::Text).or_null(),
            api("NomadTokenID", Kind::Text).or_null(),
            api("Status", JOB_STATUS).or_null(),
            api("StatusDescription", Kind::Text).or_null(),
            api("Stable", Kind::Bool).or_null(),
            api("Version", U64).or_null(),
            api("SubmitTime", U64).or_null(),
            api("CreateIndex", U64).or_null(),
            api("ModifyIndex", U64).or_null(),
            api("JobModifyIndex", U64).or_null(),
            api("VersionTag", Kind::Any),
        ],
        &[
            list("constraint", "Constraints", &CONSTRAINT),
            list("affinity", "Affinities", &AFFINITY),
            named("group", "TaskGroups", &GROUP),
            one("update", "Update", &UPDATE),
            one("multiregion", "Multiregion", &MULTIREGION),
            list("spread", "Spreads", &SPREAD),
            one("periodic", "Periodic", &PERIODIC),
            one("parameterized", "ParameterizedJob", &PARAMETERIZED),
            one("reschedule", "Reschedule", &RESCHEDULE),
            one("migrate", "Migrate", &MIGRATE),
            free_text_map("meta", "Meta"),
            one("ui", "UI", &UI),
            moved(one("vault", "$Vault", &VAULT)),
            moved(named("secret", "$Secrets", &SECRET)),
            moved(named("task", "$Tasks", &TASK)),
        ],
    ),
    Rule::Job,
);

/// A condition on nodes.
pub static CONSTRAINT: BlockType = ruled(
    known(
        "constraint",
        &[
            text("attribute", "LTarget"),
            text("value", "RTarget"),
            attribute("operator", "Operand", OPERATOR),
            raw("version", "$version", Kind::Text),
            raw("semver", "$semver", Kind::Text),
            raw("regexp", "$regexp", Kind::Text),
            raw("set_contains", "$set_contains", Kind::Text),
            raw("set_contains_all", "$set_contains_all", Kind::Text),
            raw("set_contains_any", "$set_contains_any", Kind::Text),
            raw("is_set", "$is_set", Kind::Text),
            raw("is_not_set", "$is_not_set", Kind::Text),
            raw("distinct_hosts", "$distinct_hosts", Kind::Bool),
            raw("distinct_property", "$distinct_property", Kind::Text),
        ],
        NONE,
    ),
    Rule::Comparison,
);

/// A wish about nodes.
pub(super) static AFFINITY: BlockType = ruled(
    known(
        "affinity",
        &[
            text("attribute", "LTarget"),
            text("value", "RTarget"),
            attribute("operator", "Operand", OPERATOR),
            attribute("weight", "Weight", Kind::Int(-128, 127)).or_null(),
            raw("version", "$version", Kind::Text),
            raw("semver", "$semver", Kind::Text),
            raw("regexp", "$regexp", Kind::Text),
            raw("set_contains", "$set_contains", Kind::Text),
            raw("set_contains_all", "$set_contains_all", Kind::Text),
            raw("set_contains_any", "$set_contains_any", Kind::Text),
        ],
        NONE,
    ),
    Rule::Comparison,
);

/// How instances spread over nodes.
pub(super) static SPREAD: BlockType = known(
    "spread",
    &[text("attribute", "Attribute"), attribute("weight", "Weight", Kind::Int(-128, 127)).or_null()],
    &[block("target", "SpreadTarget", Holds::Labelled(&SPREAD_TARGET, "Value"))],
);

static SPREAD_TARGET: BlockType =
    known("target", &[attribute("percent", "Percent", Kind::Int(0, 255))], NONE);

/// How changes roll out.
pub(super) static UPDATE: BlockType = known(
    "update",
    &[
        duration("stagger", "Stagger").or_null(),
        int("max_parallel", "MaxParallel").or_null(),
        attribute("health_check", "HealthCheck", HEALTH_CHECK).or_null(),
        duration("min_healthy_time", "MinHealthyTime").or_null(),
        duration("healthy_deadline", "HealthyDeadline").or_null(),
        duration("progress_deadline", "ProgressDeadline").or_null(),
        int("canary", "Canary").or_null(),
        flag("auto_revert", "AutoRevert").or_null(),
        flag("auto_promote", "AutoPromote").or_null(),
        api("PacedByStagger", Kind::Bool).or_absent(),
    ],
    NONE,
);

/// How instances leave a drained node.
pub(super) static MIGRATE: BlockType = known(
    "migrate",
    &[
        int("max_parallel", "MaxParallel").or_null(),
        attribute("health_check", "HealthCheck", HEALTH_CHECK).or_null(),
        duration("min_healthy_time", "MinHealthyTime").or_null(),
        duration("healthy_deadline", "HealthyDeadline").or_null(),
    ],
    NONE,
);

const DELAY_FUNCTION: Attribute = attribute(
    "delay_function",
    "DelayFunction",
    Kind::Word("delay function", &["constant", "exponential", "fibonacci"]),
);

/// What happens when an instance has failed for good.
pub(super) static RESCHEDULE: BlockType = known(
    "reschedule",
    &[
        int("attempts", "Attempts").or_null(),
        duration("interval", "Interval").or_null(),
        duration("delay", "Delay").or_null(),
        DELAY_FUNCTION.or_null(),
        duration("max_delay", "MaxDelay").or_null(),
        flag("unlimited", "Unlimited").or_null(),
    ],
    NONE,
);

static PERIODIC: BlockType = ruled(
    known(
        "periodic",
        &[
            flag("enabled", "Enabled").or_null(),
            text("cron", "Spec").or_null(),
            texts("crons", "Specs"),
            api("SpecType", Kind::Text).or_null(),
            flag("prohibit_overlap", "ProhibitOverlap").or_null(),
            text("time_zone", "TimeZone").or_null(),
        ],
        NONE,
    ),
    Rule::Periodic,
);

static PARAMETERIZED: BlockType = known(
    "parameterized",
    &[
        text("payload", "Payload"),
        texts("meta_required", "MetaRequired"),
        texts("meta_optional", "MetaOptional"),
    ],
    NONE,
);

static MULTIREGION: BlockType = kept(
    "multiregion",
    &[],
    &[one("strategy", "Strategy", &MULTIREGION_STRATEGY), named("region", "Regions", &MULTIREGION_REGION)],
);

static MULTIREGION_STRATEGY: BlockType = kept(
    "strategy",
    &[int("max_parallel", "MaxParallel").or_null(), text("on_failure", "OnFailure").or_null()],
    NONE,
);

static MULTIREGION_REGION: BlockType = kept(
    "region",
    &[
        attribute("count", "Count", U32).or_null(),
        texts("datacenters", "Datacenters"),
        text("node_pool", "NodePool"),
    ],
    &[text_map("meta", "Meta")],
);

static UI: BlockType = kept("ui", &[text("description", "Description")], &[list("link", "Links", &UI_LINK)]);

static UI_LINK: BlockType = kept("link", &[text("label", "Label"), text("url", "URL")], NONE);
