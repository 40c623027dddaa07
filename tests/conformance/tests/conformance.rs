//! Our master answers as a real Mesos did.

use tepui_conformance::{Outcome, RealMaster, Suite, Target};

#[test]
fn our_master_answers_as_a_real_mesos_did() {
    let outcomes = Suite::load().unwrap().run(Target::Ours, 4).unwrap();
    check(outcomes);
}

#[test]
fn a_real_mesos_still_answers_as_it_did() {
    if !RealMaster::is_installed() {
        eprintln!("LEFT OUT: no real Mesos is installed: ../shared/oracle/setup.sh");
        return;
    }
    let mut suite = Suite::load().unwrap();
    suite.filter("smoke");
    check(suite.run(Target::Oracle, 1).unwrap());
}

fn check(outcomes: Vec<(String, Outcome)>) {
    let wrong: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(name, outcome)| match outcome {
            Outcome::Agrees | Outcome::DiffersAsListed | Outcome::Pending => None,
            Outcome::ListedButAgrees(_) => {
                Some(format!("{name} is on a list and does not differ: take it off"))
            }
            Outcome::Differs(how) => Some(format!("{name}\n{how}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
