//! A task's context for tests of drivers.

use std::collections::BTreeMap;

use crate::model::AllocId;

/// Returns the context of a task on this machine with its folders made, and the folder that goes away when dropped.
pub fn context() -> (tempfile::TempDir, crate::client::driver::TaskContext) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let env = crate::env::real::env();
    let alloc_id = AllocId(uuid::Uuid::from_u128(7));
    let alloc_dir = crate::client::dir::AllocDirs::new(folder.path()).alloc(alloc_id);
    let dir = alloc_dir.task("web").expect("a plain name");
    alloc_dir.make(&*env.disk).and_then(|()| dir.make(&*env.disk)).expect("folders can be made");
    let context = crate::client::driver::TaskContext {
        env,
        alloc_id,
        task: "web".to_owned(),
        user: String::new(),
        config: serde_json::Map::new(),
        variables: BTreeMap::new(),
        ports: BTreeMap::new(),
        dir,
        driver_dir: folder.path().join("driver"),
        messages: tokio::sync::mpsc::unbounded_channel().0,
    };
    (folder, context)
}
