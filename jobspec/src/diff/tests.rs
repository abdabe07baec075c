use std::path::Path;

use pasture_core::model::{Job, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DiffType, FieldDiff, JobDiff, ObjectDiff, Options, Updates, annotate, diff};

/// A job in which every kind of object stands.
fn base() -> Value {
    json!({
        "ID": "web", "Name": "web", "Type": "service", "Datacenters": ["dc1", "dc2"],
        "Constraints": [{"LTarget": "${attr.kernel.name}", "RTarget": "linux", "Operand": "="}],
        "Affinities": [{"LTarget": "${node.class}", "RTarget": "big", "Operand": "=", "Weight": 50}],
        "Spreads": [{"Attribute": "${node.datacenter}", "Weight": 50, "SpreadTarget": [{"Value": "dc1", "Percent": 70}]}],
        "Meta": {"owner": "ops"},
        "TaskGroups": [
            {
                "Name": "cache", "Count": 1,
                "Tasks": [{"Name": "redis", "Driver": "docker", "Config": {"image": "redis:7"}}]
            },
            {
                "Name": "front", "Count": 2,
                "Networks": [{"Mode": "host", "DynamicPorts": [{"Label": "http", "To": 80}, {"Label": "admin"}]}],
                "Services": [
                    {"Name": "front", "PortLabel": "http", "Tags": ["a", "b"], "Checks": [{"Name": "alive", "Type": "tcp", "Interval": 1_000_000_000}]},
                    {"Name": "admin", "PortLabel": "admin"}
                ],
                "Volumes": {"data": {"Name": "data", "Type": "host", "Source": "disk"}},
                "Update": {"MaxParallel": 1},
                "ReschedulePolicy": {"Attempts": 2},
                "Tasks": [{
                    "Name": "nginx", "Driver": "docker",
                    "Config": {"image": "nginx:1", "args": ["-g", "x"], "port_map": [{"http": 80}]},
                    "Env": {"A": "1"},
                    "Resources": {"CPU": 100, "MemoryMB": 64},
                    "Templates": [{"DestPath": "local/a", "EmbeddedTmpl": "x"}],
                    "Constraints": [{"LTarget": "a", "RTarget": "1", "Operand": "="}, {"LTarget": "b", "RTarget": "1", "Operand": "="}]
                }]
            }
        ]
    })
}

fn job(value: Value) -> Job {
    serde_json::from_value(value).unwrap()
}

/// Returns the base with values put in at pointers; `null` takes away, `-` at the end of a pointer appends.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut value = base();
    for (pointer, new) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match value.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
            Value::Object(fields) => drop(fields.insert(key.to_owned(), new.clone())),
            Value::Array(members) if key == "-" => members.push(new.clone()),
            Value::Array(members) if new.is_null() => drop(members.remove(key.parse().unwrap())),
            Value::Array(members) => members[key.parse::<usize>().unwrap()] = new.clone(),
            other => panic!("{other} is no parent"),
        }
    }
    value
}

fn sign(diff_type: DiffType) -> &'static str {
    match diff_type {
        DiffType::Added => "+",
        DiffType::Deleted => "-",
        DiffType::Edited => "~",
        DiffType::None => "=",
    }
}

fn field(field: &FieldDiff) -> String {
    let annotations =
        if field.annotations.is_empty() { String::new() } else { format!(" {:?}", field.annotations) };
    format!("{}{}: {} > {}{annotations}", sign(field.diff_type), field.name, field.old, field.new)
}

fn object(object: &ObjectDiff) -> String {
    let inside: Vec<String> =
        object.fields.iter().map(field).chain(object.objects.iter().map(self::object)).collect();
    format!("{}{} {{ {} }}", sign(object.diff_type), object.name, inside.join(", "))
}

/// Returns a line for each difference, groups and tasks that are alike left out.
fn lines(diff: &JobDiff) -> Vec<String> {
    let inner = |at: &str, fields: &[FieldDiff], objects: &[ObjectDiff]| -> Vec<String> {
        let all = fields.iter().map(field).chain(objects.iter().map(object));
        all.map(|line| format!("{at}{line}")).collect()
    };
    let mut lines = inner("", &diff.fields, &diff.objects);
    for group in diff.task_groups.iter().filter(|group| group.diff_type != DiffType::None) {
        lines.push(
            format!("{}group {} {:?}", sign(group.diff_type), group.name, group.updates).replace(" {}", ""),
        );
        lines.extend(inner("  ", &group.fields, &group.objects));
        for task in group.tasks.iter().filter(|task| task.diff_type != DiffType::None) {
            let task_line = format!("  {}task {} {:?}", sign(task.diff_type), task.name, task.annotations);
            lines.push(task_line.replace(" []", ""));
            lines.extend(inner("    ", &task.fields, &task.objects));
        }
    }
    lines
}

fn check(old: &[(&str, Value)], new: &[(&str, Value)], expected: &[&str]) {
    let (old, new) = (job(with(old)), job(with(new)));
    let found = diff(Some(&old), Some(&new), Options::default());
    assert_eq!(lines(&found), expected, "{new:?}");
    assert_eq!(found.diff_type, if expected.is_empty() { DiffType::None } else { DiffType::Edited });
    // The other way round everything added is deleted.
    let back = lines(&diff(Some(&new), Some(&old), Options::default()));
    let count = |lines: &[String], sign: char| {
        lines.iter().flat_map(|line| line.chars()).filter(|c| *c == sign).count()
    };
    let forth: Vec<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(count(&back, '~'), count(&forth, '~'), "{back:?}");
}

const FRONT: &str = "/TaskGroups/1";

fn front(rest: &str) -> String {
    format!("{FRONT}{rest}")
}

#[test]
fn each_kind_of_change_is_told() {
    let cases: &[(&str, Value, &[&str])] = &[
        // The job itself.
        ("/Priority", json!(70), &["~Priority: 50 > 70"]),
        ("/Type", json!("batch"), &["~Type: service > batch"]),
        ("/Stop", json!(true), &["~Stop: false > true"]),
        ("/AllAtOnce", json!(true), &["~AllAtOnce: false > true"]),
        ("/Name", json!("www"), &["~Name: web > www"]),
        ("/NodePool", json!("gpu"), &["+NodePool:  > gpu"]),
        ("/Meta/owner", json!("dev"), &["~Meta[owner]: ops > dev"]),
        ("/Meta/team", json!("x"), &["+Meta[team]:  > x"]),
        ("/Meta", json!(null), &["-Meta[owner]: ops > "]),
        // A text of the user that is empty is there all the same.
        ("/Meta/team", json!(""), &["+Meta[team]:  > "]),
        ("/Datacenters", json!(["dc2", "dc1"]), &[]),
        (
            "/Datacenters",
            json!(["dc2", "dc3"]),
            &["~Datacenters { -Datacenters: dc1 > , +Datacenters:  > dc3 }"],
        ),
        ("/Datacenters", json!([]), &["-Datacenters { -Datacenters: dc1 > , -Datacenters: dc2 >  }"]),
        (
            "/Constraints/0/RTarget",
            json!("windows"),
            &[
                "+Constraint { +LTarget:  > ${attr.kernel.name}, +Operand:  > =, +RTarget:  > windows }",
                "-Constraint { -LTarget: ${attr.kernel.name} > , -Operand: = > , -RTarget: linux >  }",
            ],
        ),
        (
            "/Affinities/0/Weight",
            json!(-10),
            &[
                "+Affinity { +LTarget:  > ${node.class}, +Operand:  > =, +RTarget:  > big, +Weight:  > -10 }",
                "-Affinity { -LTarget: ${node.class} > , -Operand: = > , -RTarget: big > , -Weight: 50 >  }",
            ],
        ),
        ("/Spreads/0/Weight", json!(60), &["~Spread { ~Weight: 50 > 60 }"]),
        (
            "/Spreads/0/SpreadTarget/0/Percent",
            json!(60),
            &["~Spread { ~SpreadTarget { ~Percent: 70 > 60 } }"],
        ),
        (
            "/Periodic",
            json!({"Specs": ["@daily"]}),
            &[
                "+Periodic { +Enabled:  > true, +ProhibitOverlap:  > false, +SpecType:  > cron, +Specs[0]:  > @daily, +TimeZone:  > UTC }",
            ],
        ),
        (
            "/ParameterizedJob",
            json!({"MetaRequired": ["a"]}),
            &["+ParameterizedJob { +MetaRequired { +MetaRequired:  > a } }"],
        ),
        (
            "/Multiregion",
            json!({"Regions": [{"Name": "eu"}]}),
            &["+Multiregion { +Regions[0][Name]:  > eu }"],
        ),
        // What servers set.
        ("/ModifyIndex", json!(9), &[]),
        ("/Version", json!(3), &[]),
        ("/Status", json!("running"), &[]),
        ("/SubmitTime", json!(5), &[]),
        ("/Stable", json!(true), &[]),
        ("/VersionTag", json!({"Name": "x"}), &[]),
        // Groups.
        ("/TaskGroups/1/Count", json!(5), &["~group front", "  ~Count: 2 > 5"]),
        (
            "/TaskGroups/1/RestartPolicy",
            json!({"Attempts": 9}),
            &["~group front", "  ~RestartPolicy { ~Attempts: 2 > 9 }"],
        ),
        (
            "/TaskGroups/1/EphemeralDisk",
            json!({"SizeMB": 500}),
            &["~group front", "  ~EphemeralDisk { ~SizeMB: 300 > 500 }"],
        ),
        ("/TaskGroups/1/Update/Canary", json!(1), &["~group front", "  ~Update { ~Canary: 0 > 1 }"]),
        (
            "/TaskGroups/1/ReschedulePolicy/Attempts",
            json!(3),
            &["~group front", "  ~ReschedulePolicy { ~Attempts: 2 > 3 }"],
        ),
        (
            "/TaskGroups/1/Networks/0/DynamicPorts/0/To",
            json!(8080),
            &["~group front", "  ~Network { ~Dynamic Port { ~To: 80 > 8080 } }"],
        ),
        (
            "/TaskGroups/1/Networks/0/ReservedPorts",
            json!([{"Label": "ssh", "Value": 22}]),
            &[
                "~group front",
                "  ~Network { +Static Port { +IgnoreCollision:  > false, +Label:  > ssh, +To:  > 0, +Value:  > 22 } }",
            ],
        ),
        (
            "/TaskGroups/1/Services/0/Tags",
            json!(["b", "c"]),
            &["~group front", "  ~Service { ~Tags { -Tags: a > , +Tags:  > c } }"],
        ),
        (
            "/TaskGroups/1/Services/0/Checks/0/Interval",
            json!(2),
            &["~group front", "  ~Service { ~Check { ~Interval: 1000000000 > 2 } }"],
        ),
        (
            "/TaskGroups/1/Services/0/PortLabel",
            json!("other"),
            &["~group front", "  ~Service { ~PortLabel: http > other }"],
        ),
        (
            "/TaskGroups/1/Services/0/Name",
            json!("www"),
            &["~group front", "  ~Service { ~Name: front > www }"],
        ),
        (
            "/TaskGroups/1/Volumes/data/Source",
            json!("ssd"),
            &["~group front", "  ~Volume { ~Source: disk > ssd }"],
        ),
        (
            "/TaskGroups/1/Volumes",
            json!(null),
            &[
                "~group front",
                "  -Volume { -Name: data > , -PerAlloc: false > , -ReadOnly: false > , -Source: disk > , -Sticky: false > , -Type: host >  }",
            ],
        ),
        (
            "/TaskGroups/1/Scaling",
            json!({"Max": 5, "Policy": {"a": 1}}),
            &["~group front", "  +Scaling { +Max:  > 5, +Policy { +a:  > 1 } }"],
        ),
        // Tasks.
        (
            "/TaskGroups/1/Tasks/0/Driver",
            json!("exec"),
            &["~group front", "  ~task nginx", "    ~Driver: docker > exec"],
        ),
        ("/TaskGroups/1/Tasks/0/Env/B", json!("2"), &["~group front", "  ~task nginx", "    +Env[B]:  > 2"]),
        (
            "/TaskGroups/1/Tasks/0/Config/args/1",
            json!("y"),
            &["~group front", "  ~task nginx", "    ~Config { ~args[1]: x > y }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Config/port_map/0/http",
            json!(81),
            &["~group front", "  ~task nginx", "    ~Config { ~port_map[0][http]: 80 > 81 }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Resources/CPU",
            json!(200),
            &["~group front", "  ~task nginx", "    ~Resources { ~CPU: 100 > 200 }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Resources/Networks",
            json!([{"MBits": 10, "DynamicPorts": [{"Label": "x"}]}]),
            &[
                "~group front",
                "  ~task nginx",
                "    ~Resources { +Network { +MBits:  > 10, +Dynamic Port { +IgnoreCollision:  > false, +Label:  > x, +To:  > 0, +Value:  > 0 } } }",
            ],
        ),
        (
            "/TaskGroups/1/Tasks/0/LogConfig",
            json!({"MaxFiles": 3}),
            &["~group front", "  ~task nginx", "    ~LogConfig { ~MaxFiles: 10 > 3 }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Templates/0/EmbeddedTmpl",
            json!("y"),
            &["~group front", "  ~task nginx", "    ~Template { ~EmbeddedTmpl: x > y }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Vault",
            json!({"Policies": ["p"]}),
            &["~group front", "  ~task nginx", "    +Vault { +Policies[0]:  > p }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Lifecycle",
            json!({"Hook": "prestart"}),
            &["~group front", "  ~task nginx", "    +Lifecycle { +Hook:  > prestart, +Sidecar:  > false }"],
        ),
        (
            "/TaskGroups/1/Tasks/0/KillTimeout",
            json!(1),
            &["~group front", "  ~task nginx", "    ~KillTimeout: 5000000000 > 1"],
        ),
        (
            "/TaskGroups/1/Tasks/0/Constraints/0",
            json!(null),
            &[
                "~group front",
                "  ~task nginx",
                "    -Constraint { -LTarget: a > , -Operand: = > , -RTarget: 1 >  }",
            ],
        ),
    ];
    for (pointer, value, expected) in cases {
        check(&[], &[(pointer, value.clone())], expected);
    }
}

#[test]
fn order_alone_is_no_change() {
    let mut reordered = base();
    for list in [
        "/TaskGroups/1/Services",
        "/TaskGroups/1/Tasks/0/Constraints",
        "/TaskGroups/1/Networks/0/DynamicPorts",
        "/TaskGroups",
    ] {
        reordered.pointer_mut(list).unwrap().as_array_mut().unwrap().reverse();
    }
    let found = diff(Some(&job(base())), Some(&job(reordered)), Options::default());
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.diff_type, DiffType::None);
    // All groups and tasks are told, as alike.
    assert_eq!(found.task_groups.len(), 2);
    assert_eq!(found.task_groups[0].tasks[0].diff_type, DiffType::None);
}

#[test]
fn services_find_each_other() {
    let services = |members: Value| vec![(front("/Services"), members)];
    for (old, new, expected) in [
        // Another name and another port: two services.
        (
            json!([{"Name": "a", "PortLabel": "1"}, {"Name": "b", "PortLabel": "2"}]),
            json!([{"Name": "a", "PortLabel": "1"}, {"Name": "c", "PortLabel": "3"}]),
            2,
        ),
        // The only one, whatever it is called.
        (json!([{"Name": "a", "PortLabel": "1"}]), json!([{"Name": "b", "PortLabel": "2"}]), 1),
        // Of two with one name the port tells which is which.
        (
            json!([{"Name": "a", "PortLabel": "1"}, {"Name": "a", "PortLabel": "2"}]),
            json!([{"Name": "a", "PortLabel": "2", "Tags": ["x"]}, {"Name": "a", "PortLabel": "1"}]),
            1,
        ),
    ] {
        let of = |members: &Value| {
            let changes = services(members.clone());
            job(with(
                &changes.iter().map(|(pointer, value)| (pointer.as_str(), value.clone())).collect::<Vec<_>>(),
            ))
        };
        let found = diff(Some(&of(&old)), Some(&of(&new)), Options::default());
        assert_eq!(found.task_groups[1].objects.len(), expected, "{old} {new}");
    }
}

#[test]
fn jobs_groups_and_tasks_come_and_go() {
    let whole = job(base());
    let added = diff(None, Some(&whole), Options::default());
    assert_eq!((added.diff_type, added.id.as_str()), (DiffType::Added, "web"));
    assert!(added.task_groups.iter().all(|group| group.diff_type == DiffType::Added));
    assert!(
        added.task_groups.iter().flat_map(|group| &group.tasks).all(|task| task.diff_type == DiffType::Added)
    );
    let deleted = diff(Some(&whole), None, Options::default());
    assert_eq!((deleted.diff_type, deleted.id.as_str()), (DiffType::Deleted, "web"));
    assert_eq!(lines(&deleted).len(), lines(&added).len());
    assert_eq!(diff(None, None, Options::default()), JobDiff::default());

    check(
        &[],
        &[("/TaskGroups/0/Name", json!("store"))],
        &[
            "-group cache",
            "  -Count: 1 > ",
            "  -EphemeralDisk { -Migrate: false > , -SizeMB: 300 > , -Sticky: false >  }",
            "  -RestartPolicy { -Attempts: 2 > , -Delay: 15000000000 > , -Interval: 1800000000000 > , -Mode: fail > , -RenderTemplates: false >  }",
            "  -task redis",
            "    -Driver: docker > ",
            "    -KillTimeout: 5000000000 > ",
            "    -Leader: false > ",
            "    -ShutdownDelay: 0 > ",
            "    -Config { -image: redis:7 >  }",
            "    -LogConfig { -Disabled: false > , -MaxFileSizeMB: 10 > , -MaxFiles: 10 >  }",
            "    -Resources { -CPU: 100 > , -Cores: 0 > , -MemoryMB: 300 >  }",
            "+group store",
            "  +Count:  > 1",
            "  +EphemeralDisk { +Migrate:  > false, +SizeMB:  > 300, +Sticky:  > false }",
            "  +RestartPolicy { +Attempts:  > 2, +Delay:  > 15000000000, +Interval:  > 1800000000000, +Mode:  > fail, +RenderTemplates:  > false }",
            "  +task redis",
            "    +Driver:  > docker",
            "    +KillTimeout:  > 5000000000",
            "    +Leader:  > false",
            "    +ShutdownDelay:  > 0",
            "    +Config { +image:  > redis:7 }",
            "    +LogConfig { +Disabled:  > false, +MaxFileSizeMB:  > 10, +MaxFiles:  > 10 }",
            "    +Resources { +CPU:  > 100, +Cores:  > 0, +MemoryMB:  > 300 }",
        ],
    );
}

#[test]
fn a_context_is_what_is_alike_within_what_differs() {
    let new = job(with(&[(&front("/Tasks/0/Resources/CPU"), json!(200)), ("/Datacenters", json!(["dc1"]))]));
    let found = diff(Some(&job(base())), Some(&new), Options { contextual: true });
    assert_eq!(
        lines(&found),
        [
            "~Datacenters { =Datacenters: dc1 > dc1, -Datacenters: dc2 >  }",
            "~group front",
            "  ~task nginx",
            "    ~Resources { ~CPU: 100 > 200, =Cores: 0 > 0, =MemoryMB: 64 > 64 }",
        ]
    );
}

#[test]
fn policies_of_the_job_count_where_a_group_has_none() {
    let update = |parallel: u32| ("/Update", json!({"MaxParallel": parallel}));
    check(&[update(1)], &[update(2)], &["~Update { ~MaxParallel: 1 > 2 }"]);
    let own = ("/TaskGroups/0/Update", json!({"MaxParallel": 1}));
    check(&[update(1), own.clone()], &[update(2), own], &[]);
}

#[test]
fn has_the_form_of_nomads_api() {
    let new = job(with(&[("/TaskGroups/0/Count", json!(3))]));
    let value = serde_json::to_value(diff(Some(&job(base())), Some(&new), Options::default())).unwrap();
    let count = json!({"Type": "Edited", "Name": "Count", "Old": "1", "New": "3", "Annotations": null});
    let task = json!({"Type": "None", "Name": "redis", "Fields": null, "Objects": null, "Annotations": null});
    let group = json!({"Type": "Edited", "Name": "cache", "Fields": [count], "Objects": null, "Tasks": [task], "Updates": null});
    assert_eq!(value["TaskGroups"][0], group);
    assert_eq!(value["Type"], json!("Edited"));
    assert_eq!(value["ID"], json!("web"));
    assert_eq!(value["Fields"], Value::Null);
    let back: JobDiff = serde_json::from_value(value).unwrap();
    assert_eq!(back.task_groups[0].fields[0].new, "3");
}

#[test]
fn a_plan_is_written_beside_its_reasons() {
    let updates =
        [("front".to_owned(), Updates::from([("create".to_owned(), 3), ("ignore".to_owned(), 0)]))].into();
    for (changes, expected) in [
        (
            vec![(front("/Count"), json!(5))],
            vec!["~group front {\"create\": 3}", "  ~Count: 2 > 5 [\"forces create\"]"],
        ),
        (
            vec![(front("/Count"), json!(1))],
            vec!["~group front {\"create\": 3}", "  ~Count: 2 > 1 [\"forces destroy\"]"],
        ),
        (
            vec![(front("/Tasks/0/Driver"), json!("exec"))],
            vec![
                "~group front {\"create\": 3}",
                "  ~task nginx [\"forces create/destroy update\"]",
                "    ~Driver: docker > exec",
            ],
        ),
        (
            vec![(front("/Tasks/0/KillTimeout"), json!(1))],
            vec![
                "~group front {\"create\": 3}",
                "  ~task nginx [\"forces in-place update\"]",
                "    ~KillTimeout: 5000000000 > 1",
            ],
        ),
    ] {
        let changes: Vec<_> =
            changes.iter().map(|(pointer, value)| (pointer.as_str(), value.clone())).collect();
        let mut found = diff(Some(&job(base())), Some(&job(with(&changes))), Options::default());
        annotate(&mut found, &updates);
        assert_eq!(lines(&found), expected);
    }
}

#[test]
fn a_file_read_again_after_it_was_stored_is_the_same_job() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for file in ["example.nomad", "helloworld-v1.nomad", "helloworld-v2.nomad", "helloworld-v1.json"] {
        let path = root.join("fixtures/jobs").join(file);
        #[expect(clippy::disallowed_methods, reason = "fixtures are read from the repository")]
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = crate::parse(file, &text, &crate::Options::default()).unwrap().job;
        let mut stored: Job = serde_json::from_str(&serde_json::to_string(&parsed).unwrap()).unwrap();
        stored.version = 3;
        stored.modify_index = 17;
        stored.submit_time = Timestamp(5);
        crate::canonicalize(&mut stored);
        let found = diff(Some(&stored), Some(&parsed), Options { contextual: true });
        assert_eq!(lines(&found), Vec::<String>::new(), "{file}");
        assert_eq!(found.diff_type, DiffType::None);
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Returns the pointers of all values without values in them.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found))
        }
        Value::Array(members) => {
            members.iter().enumerate().for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

proptest! {
    #[test]
    fn no_change_goes_unseen(pick in any::<prop::sample::Index>(), number in 3..90_u32) {
        let mut pointers = Vec::new();
        leaves(&base(), "", &mut pointers);
        let pointer = pick.get(&pointers);
        let mut value = base();
        let leaf = value.pointer_mut(pointer).unwrap();
        *leaf = match &*leaf {
            Value::Number(old) if *old != number.into() => json!(number),
            Value::String(old) if pointer.ends_with("/Operand") => json!(if old == "=" { "!=" } else { "=" }),
            Value::String(old) if pointer == "/Type" => json!(if old == "batch" { "service" } else { "batch" }),
            Value::String(old) => json!(format!("{old}{number}")),
            other => other.clone(),
        };
        let same = value == base() || pointer == "/ID";
        let found = diff(Some(&job(base())), Some(&job(value)), Options::default());
        prop_assert_eq!(found.diff_type == DiffType::None, same, "{}", pointer);
    }
}
