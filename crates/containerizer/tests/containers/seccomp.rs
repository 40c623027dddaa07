//! Containers whose system calls are filtered.

use std::fs;

use tepui_containerizer::{LaunchError, Settings};
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::fixture::Agent;
use crate::linux::{agent, plain};

/// Allows all but to make folders, and to change the owner of files without the capability.
const PROFILE: &str = r#"{
    "defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
    "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "args": null, "includes": {}, "excludes": {}},
        {"names": ["chown", "fchownat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [],
         "includes": {}, "excludes": {"caps": ["CAP_CHOWN"]}}
    ]
}"#;

fn with_profiles(settings: &mut Settings, folder: &tempfile::TempDir) {
    fs::write(folder.path().join("default.json"), PROFILE).unwrap();
    fs::write(
        folder.path().join("open.json"),
        PROFILE.replace("\"mkdir\", ", "").replace("mkdirat", "rmdir"),
    )
    .unwrap();
    settings.isolation.seccomp_folder = Some(folder.path().to_owned());
    settings.isolation.seccomp_profile = Some("default.json".to_owned());
}

async fn start(isolation: &str, folder: &tempfile::TempDir) -> Option<Agent> {
    agent(isolation, |settings| with_profiles(settings, folder)).await
}

fn seccomp(profile_name: Option<&str>, unconfined: Option<bool>) -> v1::LinuxInfo {
    let seccomp = v1::SeccompInfo { profile_name: profile_name.map(str::to_owned), unconfined };
    v1::LinuxInfo { seccomp: Some(seccomp), ..v1::LinuxInfo::default() }
}

const MAKE: &str = "mkdir d 2>/dev/null && echo made && rmdir d";

#[tokio::test]
async fn calls_are_refused_as_the_profile_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut agent) = start("linux/seccomp", &folder).await else { return };
    assert_eq!(agent.run(MAKE, |_| {}).await, (1 << 8, String::new()));
    let other =
        |container: &mut v1::ContainerInfo| container.linux_info = Some(seccomp(Some("open.json"), None));
    assert_eq!(agent.run("mkdir d && echo made; rmdir d || echo stays", other).await.1, "made\nstays\n");
    fs::remove_dir(agent.sandbox().join("d")).unwrap();
    let open = |container: &mut v1::ContainerInfo| container.linux_info = Some(seccomp(None, Some(true)));
    assert_eq!(agent.run(MAKE, open).await.1, "made\n");
}

#[tokio::test]
async fn a_user_is_filtered_without_losing_set_user_id_programs() {
    let folder = tempfile::tempdir().unwrap();
    for (isolation, expected) in [("linux/seccomp", "0"), ("linux/seccomp,linux/nnp", "1")] {
        let Some(mut agent) = start(isolation, &folder).await else { return };
        let mut config = agent.config(
            &ContainerId::new("c"),
            "grep NoNewPrivs /proc/self/status; mkdir /tmp/tepui-d || echo not",
        );
        config.user = Some("nobody".to_owned());
        nix::unistd::chown(&agent.sandbox(), Some(65534.into()), None).unwrap();
        set_open(agent.folder.path());
        agent.containers.launch(config).await.unwrap();
        assert_eq!(agent.next().await.1, Some(0));
        let stdout = fs::read_to_string(agent.sandbox().join("stdout")).unwrap();
        assert_eq!(stdout, format!("NoNewPrivs:\t{expected}\nnot\n"));
    }
}

/// Lets other users through a folder.
fn set_open(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn rules_depend_on_what_a_container_can_gain() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut agent) = start("linux/seccomp,linux/capabilities", &folder).await else { return };
    let script = "touch f; chown 1 f 2>&1 | grep -c 'not implemented'";
    assert_eq!(agent.run(script, |_| {}).await.1, "0\n");
    let without = |container: &mut v1::ContainerInfo| {
        let kill = v1::capability_info::Capability::DacOverride.into();
        let capabilities = v1::CapabilityInfo { capabilities: vec![kill] };
        container.linux_info =
            Some(v1::LinuxInfo { effective_capabilities: Some(capabilities), ..v1::LinuxInfo::default() });
    };
    assert_eq!(agent.run(script, without).await.1, "1\n");
}

#[tokio::test]
async fn a_profile_that_is_not_there_fails_the_launch() {
    let folder = tempfile::tempdir().unwrap();
    let Some(agent) = start("linux/seccomp", &folder).await else { return };
    let mut config = agent.config(&ContainerId::new("c"), "true");
    config.container =
        Some(v1::ContainerInfo { linux_info: Some(seccomp(Some("none.json"), None)), ..plain() });
    let refused = agent.containers.launch(config).await.unwrap_err();
    assert!(matches!(refused, LaunchError::Refused { isolator: "linux/seccomp", .. }), "{refused}");
    assert!(!agent.runtime("c").exists());
}
