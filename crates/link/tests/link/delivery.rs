//! Messages from one link to another.

use bytes::Bytes;
use tepui_link::LinkEvent;

use super::front::{Front, within};

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let (mut master, agent) = (Front::start().await, Front::start().await);
    master.link.register("master");
    agent.link.send("slave(1)", &master.upid("master"), "mesos.internal.RegisterSlaveMessage", b"\0\r\n\xff");
    let expected = LinkEvent::Received {
        from: agent.upid("slave(1)"),
        to: "master".to_owned(),
        name: "mesos.internal.RegisterSlaveMessage".to_owned(),
        body: Bytes::from_static(b"\0\r\n\xff"),
    };
    assert_eq!(master.event().await, expected);
}

#[tokio::test]
async fn an_empty_message_arrives() {
    let (mut master, agent) = (Front::start().await, Front::start().await);
    master.link.register("master");
    agent.link.send("slave(1)", &master.upid("master"), "mesos.internal.PongSlaveMessage", b"");
    assert_eq!(master.message().await, ("mesos.internal.PongSlaveMessage".to_owned(), Bytes::new()));
}

#[tokio::test]
async fn many_messages_arrive_in_order() {
    let (mut master, agent) = (Front::start().await, Front::start().await);
    master.link.register("master");
    let to = master.upid("master");
    agent.link.link(&to);
    for index in 0..20_000_u32 {
        agent.link.send("slave(1)", &to, "n", index.to_le_bytes());
    }
    for index in 0..20_000_u32 {
        assert_eq!(master.message().await.1.as_ref(), index.to_le_bytes());
    }
    agent.link.flush(std::time::Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_long_message_arrives() {
    let (mut master, agent) =
        (Front::with(|config| config.max_queued_bytes = 1000).await, Front::start().await);
    master.link.register("master");
    let body = Bytes::from(vec![b'x'; 5_000_000]);
    agent.link.send("slave(1)", &master.upid("master"), "long", &body);
    assert_eq!(master.message().await.1, body);
}

#[tokio::test]
async fn actors_of_one_address_share_it() {
    let (mut agent, master) = (Front::start().await, Front::start().await);
    agent.link.register("slave(1)");
    agent.link.register_family(|name| name.starts_with("slave-observer("));
    for to in ["slave(1)", "nobody", "slave-observer(7)"] {
        master.link.send("master", &agent.upid(to), to, b"");
    }
    assert_eq!(agent.message().await.0, "slave(1)");
    assert_eq!(agent.message().await.0, "slave-observer(7)");
    agent.link.unregister("slave(1)");
    for to in ["slave(1)", "slave-observer(8)"] {
        master.link.send("master", &agent.upid(to), to, b"");
    }
    assert_eq!(agent.message().await.0, "slave-observer(8)");
}

#[tokio::test]
async fn an_id_with_odd_characters_arrives() {
    let (mut agent, master) = (Front::start().await, Front::start().await);
    let odd = "a b/c%\r\nX: y+?#é";
    agent.link.register(odd);
    master.link.send("master", &agent.upid(odd), "name", b"body");
    assert_eq!(agent.message().await, ("name".to_owned(), Bytes::from_static(b"body")));
}

#[tokio::test]
async fn a_process_can_send_to_itself() {
    let mut both = Front::start().await;
    both.link.register("slave(1)");
    both.link.send("master", &both.upid("slave(1)"), "ping", b"");
    assert_eq!(both.message().await.0, "ping");
}

#[tokio::test]
async fn an_unlinked_peer_that_closed_its_connection_is_reached_again() {
    let (mut master, agent) = (Front::start().await, Front::start().await);
    master.link.register("master");
    let to = master.upid("master");
    agent.link.send("slave(1)", &to, "first", b"");
    assert_eq!(master.message().await.0, "first");
    agent.link.flush(std::time::Duration::from_secs(10)).await;
    agent.link.send("slave(1)", &to, "second", b"");
    assert_eq!(master.message().await.0, "second");
}

#[tokio::test]
async fn flushing_waits_for_the_last_words() {
    let (mut master, agent) = (Front::start().await, Front::start().await);
    master.link.register("master");
    for _ in 0..10 {
        agent.link.send("slave(1)", &master.upid("master"), "bye", vec![b'x'; 10_000]);
    }
    within(agent.link.flush(std::time::Duration::from_secs(10))).await;
    drop(agent);
    for _ in 0..10 {
        assert_eq!(master.message().await.0, "bye");
    }
}
