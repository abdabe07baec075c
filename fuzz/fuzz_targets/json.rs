//! Jobs in JSON, as they are posted: whatever the text, the parser returns.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = pasture_jobspec::json::parse(text) {
        drop(error.to_string());
    }
});
