use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

const SET: FlagSet = FlagSet {
    command: "tepui test",
    about: "Tests.",
    tables: &[&[
        Flag::bool("quiet", false, "Say less.").ignored("the log goes to stderr"),
        Flag::bool("switch_user", true, "Run as the task's user."),
        Flag::duration("offer_timeout", "How long."),
        Flag::duration("agent_ping_timeout", "How long.").or("15secs").aliases(&["slave_ping_timeout"]),
        Flag::bytes("fetcher_cache_size", "How much.").or("2GB"),
        Flag::integer("port", "Where.").or("5050"),
        Flag::text("ip", "Where."),
        Flag::text("advertise_ip", "Where."),
        Flag::text("ip_discovery_command", "Where."),
        Flag::text("advertise_port", "Where."),
        Flag::text("hostname", "Who."),
        Flag::bool("hostname_lookup", true, "Ask the resolver."),
        Flag::path("credentials", "Who may."),
        Flag::text("modules", "Code.").refused("what the modules enforce would be missing"),
        Flag::text("isolation", "How.").refused_unless("weaker", &["posix/cpu"]),
        Flag::bool("version", false, "Print the version."),
    ]],
};

fn check(args: &[&str], environment: &[(&str, &str)]) -> Result<Values, String> {
    let environment: BTreeMap<_, _> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    SET.parse_with(args, &environment).map_err(|error| error.to_string())
}

#[test]
fn names_take_dashes_old_names_and_negation() {
    let values =
        check(&["--no-switch-user", "--slave_ping_timeout=20secs", "--offer-timeout", "1mins"], &[]).unwrap();
    assert!(!values.bool("switch_user"));
    assert_eq!(values.duration("agent_ping_timeout"), Some(Duration::from_secs(20)));
    assert_eq!(values.duration("offer_timeout"), Some(Duration::from_mins(1)));
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let values = check(&["--port=1"], &[("MESOS_PORT", "2"), ("MESOS_SLAVE_PING_TIMEOUT", "1secs")]).unwrap();
    assert_eq!(values.integer("port"), Some(1));
    assert_eq!(values.duration("agent_ping_timeout"), Some(Duration::from_secs(1)));
}

#[test]
fn a_file_holds_a_value() {
    let file = std::env::temp_dir().join(format!("tepui-flags-{}", std::process::id()));
    std::fs::write(&file, "3mins\n").unwrap();
    let url = format!("--offer_timeout=file://{}", file.display());
    assert_eq!(check(&[&url], &[]).unwrap().duration("offer_timeout"), Some(Duration::from_mins(3)));
    let path = format!("--credentials=file://{}", file.display());
    assert_eq!(check(&[&path], &[]).unwrap().text("credentials"), file.to_str());
    std::fs::remove_file(&file).unwrap();
    assert!(check(&[&url], &[]).unwrap_err().contains("failed to read file"));
}

#[test]
fn malformed_values_name_the_flag_and_the_value() {
    assert!(check(&["--port=x"], &[]).unwrap_err().contains("`port`: expected a whole number, got `x`"));
    assert!(
        check(&["--offer_timeout=5"], &[]).unwrap_err().starts_with("failed to load flag `offer_timeout`")
    );
    assert!(check(&["--quiet=maybe"], &[]).unwrap_err().contains("expected `true` or `false`, got `maybe`"));
    assert!(check(&["--prot=1"], &[]).unwrap_err().contains("'--port'"));
}

#[test]
fn unsupported_flags_are_refused_with_the_effect_unless_they_ask_for_nothing() {
    assert!(check(&["--modules=x"], &[]).unwrap_err().contains("what the modules enforce would be missing"));
    assert!(check(&["--isolation=cgroups/cpu"], &[]).is_err());
    assert!(check(&["--isolation=posix/cpu"], &[]).is_ok());
    let values = check(&["--quiet"], &[]).unwrap();
    assert_eq!(values.warnings(), ["flag `quiet` is ignored: the log goes to stderr"]);
}

#[test]
fn flags_come_before_libprocess_variables() {
    let values = check(&["--ip=127.0.0.1", "--hostname=me"], &[]).unwrap();
    let environment = |name: &str| match name {
        "LIBPROCESS_IP" => Some("10.0.0.1".to_owned()),
        "LIBPROCESS_ADVERTISE_IP" => Some("10.0.0.2".to_owned()),
        "LIBPROCESS_ADVERTISE_PORT" => Some("7000".to_owned()),
        _ => None,
    };
    let got = addresses(&values, environment).unwrap();
    assert_eq!(got.listen, "127.0.0.1:5050".parse().unwrap());
    assert_eq!(got.advertised, "10.0.0.2:7000".parse().unwrap());
    assert_eq!(got.hostname, "me");
}

#[test]
fn an_address_that_is_none_is_named() {
    let values = check(&["--ip=nowhere"], &[]).unwrap();
    let error = addresses(&values, |_| None).unwrap_err();
    assert_eq!(error.to_string(), "flag `ip`: `nowhere` is not an IP address");
}

#[test]
fn a_command_tells_the_address() {
    let values = check(&["--ip_discovery_command=echo 127.0.0.7"], &[]).unwrap();
    assert_eq!(addresses(&values, |_| None).unwrap().listen, "127.0.0.7:5050".parse().unwrap());
    let values = check(&["--ip_discovery_command=exit 3"], &[]).unwrap();
    assert!(addresses(&values, |_| None).unwrap_err().to_string().contains("`exit 3` failed"));
}

#[test]
fn a_table_s_defaults_are_of_their_kind() {
    for flag in SET.flags() {
        if let Some(default) = flag.default {
            let arg = format!("--{}={default}", flag.name);
            assert!(check(&[&arg], &[]).is_ok(), "{arg}");
        }
    }
}
