//! Replays what the fuzzer kept, so that nothing it has seen breaks again unnoticed.

use std::fs;
use std::path::Path;

use tepui_fuzz_targets::TARGETS;

#[test]
fn kept_corpora_break_no_law() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for target in TARGETS {
        let folder = corpora.join(target.name);
        let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let broken = std::panic::catch_unwind(|| (target.run)(&bytes)).is_err();
            assert!(!broken, "{}: see the panic above", file.display());
        }
    }
}

#[test]
fn nothing_at_all_breaks_no_law() {
    for target in TARGETS {
        (target.run)(&[]);
        (target.run)(&[255; 1000]);
    }
}
