//! Which handler a path finds.

use super::daemon::Daemon;

async fn check(path: &str, expected: &str) {
    let daemon = Daemon::start().await;
    let answer = daemon.get(path).await;
    assert_eq!(answer.text(), expected, "{path}");
    let is_found = if expected == "404 Not Found." { "404 Not Found" } else { "200 OK" };
    assert_eq!(answer.status, is_found, "{path}");
}

#[tokio::test]
async fn a_path_of_no_process_is_the_main_process() {
    check("/state", "state").await;
    check("/master/state", "state").await;
    check("//state", "state").await;
    check("/", "index").await;
    check("/master", "index").await;
    check("/master/", "index").await;
}

#[tokio::test]
async fn other_processes_keep_their_endpoints_to_themselves() {
    check("/metrics/snapshot", "snapshot").await;
    check("/metrics", "404 Not Found.").await;
    check("/master/metrics/snapshot", "404 Not Found.").await;
    check("/version", "{\"version\":\"1.11.0\"}").await;
    check("/version/", "{\"version\":\"1.11.0\"}").await;
    check("/version/x", "404 Not Found.").await;
    check("//version", "404 Not Found.").await;
}

#[tokio::test]
async fn the_longest_prefix_handles_the_rest() {
    check("/state/", "state").await;
    check("/state/a/b", "state a/b").await;
    check("/state//", "state").await;
    check("/state//a", "state a").await;
    check("/metrics/snapshot/x?y=z", "snapshot x").await;
    check("/statement", "404 Not Found.").await;
    check("/nope", "404 Not Found.").await;
    check("/api", "404 Not Found.").await;
}

#[tokio::test]
async fn escapes_match_a_process_but_no_endpoint() {
    check("/%6daster/state", "state").await;
    check("/st%61te", "404 Not Found.").await;
    check("/master/st%61te", "404 Not Found.").await;
    check("/%zz", "404 Not Found.").await;
}

#[tokio::test]
async fn suffixes_and_relative_paths_are_not_found() {
    check("/state.json", "404 Not Found.").await;
    check("/state/../state", "404 Not Found.").await;
    check("/static/../../etc/passwd", "404 Not Found.").await;
}

#[tokio::test]
async fn assets_take_all_below_their_segment() {
    check("/static/js/app.js", "asset js/app.js").await;
    check("/master/static/a.css", "asset a.css").await;
    check("/static", "asset").await;
}
