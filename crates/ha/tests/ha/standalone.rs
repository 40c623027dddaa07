//! Without a group.

use std::io::{Read as _, Write as _};

use tepui_ha::{CandidacyState, Candidate, Contender, Fence, Spec};

use crate::scenario::{detect, master, until, until_leader};

#[tokio::test]
async fn a_master_that_is_alone_leads_at_once() {
    let candidate = Candidate { info: master(1), registry: "r".to_owned() };
    let candidacy = Contender::standalone().contend(candidate);
    let CandidacyState::Leading(leadership) = candidacy.state() else { panic!() };
    assert_eq!(leadership.fence, Fence::Alone);
    assert!(leadership.lease.is_held());
    candidacy.withdraw().await;
    assert!(Contender::new(Spec::parse("127.0.0.1:1").unwrap(), std::time::Duration::ZERO).is_err());
}

#[tokio::test]
async fn an_address_is_the_leader() {
    let mut detection = detect("127.0.0.1:5050");
    assert_eq!(until("a leader", detection.found()).await, master(5050));
}

#[tokio::test]
async fn of_several_masters_one_that_answers_says_who_leads() {
    let follower = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = follower.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in follower.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 1024]).unwrap();
            let answer =
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: //127.0.0.1:7\r\nContent-Length: 0\r\n\r\n";
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    // Nobody listens at the first.
    let mut detection = detect(&format!("127.0.0.1:1,{address}"));
    until_leader(&mut detection, Some(master(7))).await;
}
