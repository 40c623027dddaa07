//! Secrets in files and in the environment.

use std::fs;

use tepui_containerizer::LaunchError;
use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::linux::{agent, plain};

fn volume(path: &str, data: &[u8]) -> v1::Volume {
    let value = v1::secret::Value { data: data.to_vec() };
    let secret =
        v1::Secret { r#type: Some(v1::secret::Type::Value.into()), value: Some(value), reference: None };
    with(path, secret)
}

fn with(path: &str, secret: v1::Secret) -> v1::Volume {
    let source = v1::volume::Source {
        r#type: Some(v1::volume::source::Type::Secret.into()),
        secret: Some(secret),
        ..v1::volume::Source::default()
    };
    v1::Volume {
        mode: v1::volume::Mode::Ro.into(),
        container_path: path.to_owned(),
        source: Some(source),
        ..v1::Volume::default()
    }
}

#[tokio::test]
async fn a_secret_is_a_file_in_memory_that_only_the_container_sees() {
    let Some(mut agent) = agent("filesystem/linux,volume/secret", |_| {}).await else { return };
    let script = "cat deep/token; stat -f -c %T deep/token other; echo x 2>/dev/null >other || echo closed; touch ready; \
                  while [ ! -e go ]; do sleep 0.01; done";
    let mut config = agent.config(&ContainerId::new("c"), script);
    let volumes = vec![volume("deep/token", b"hunter2\n"), volume("other", b"\0binary")];
    config.container = Some(v1::ContainerInfo { volumes, ..plain() });
    agent.containers.launch(config).await.unwrap();
    let ready = agent.sandbox().join("ready");
    crate::fixture::until("it has read", || ready.exists()).await;
    for path in ["deep/token", "other"] {
        assert_eq!(fs::read(agent.sandbox().join(path)).unwrap(), b"", "{path}");
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&agent.folder.path().display().to_string()), "{mounts}");
    fs::write(agent.sandbox().join("go"), "").unwrap();
    assert_eq!(agent.next().await.1, Some(0));
    let stdout = fs::read_to_string(agent.sandbox().join("stdout")).unwrap();
    assert_eq!(stdout, "hunter2\nramfs\nramfs\nclosed\n");
    assert!(!agent.runtime("c").exists());
}

#[tokio::test]
async fn a_secret_that_is_only_named_fails_the_launch() {
    let Some(agent) = agent("filesystem/linux,volume/secret", |_| {}).await else { return };
    let reference = v1::secret::Reference { name: "n".to_owned(), key: None };
    let secret = v1::Secret {
        r#type: Some(v1::secret::Type::Reference.into()),
        reference: Some(reference),
        value: None,
    };
    let mut config = agent.config(&ContainerId::new("c"), "true");
    config.container = Some(v1::ContainerInfo { volumes: vec![with("token", secret)], ..plain() });
    let refused = agent.containers.launch(config).await.unwrap_err();
    let expected = "isolator `volume/secret`: Invalid secret specified in volume: Default secret resolver cannot resolve \
                    references";
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn without_the_isolator_a_secret_is_not_left_out_silently() {
    let Some(agent) = agent("filesystem/linux", |_| {}).await else { return };
    let mut config = agent.config(&ContainerId::new("c"), "true");
    config.container = Some(v1::ContainerInfo { volumes: vec![volume("token", b"x")], ..plain() });
    let refused = agent.containers.launch(config).await;
    assert!(
        matches!(refused, Err(LaunchError::IsolatorMissing { isolator: "volume/secret", .. })),
        "{refused:?}"
    );
}
