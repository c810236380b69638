//! What users copy: every example, and the charts with everything on, pass the API server's own checks.

use std::fs;
use std::path::{Path, PathBuf};

use titan_tests::cache::{crate_folder, installed};

use crate::harness::kube::run_async;
use crate::harness::release::{chart, helm};
use crate::harness::scene::Scene;

#[tokio::test]
async fn every_example_is_taken_by_the_api_server() {
    let scene = Scene::new("examples").await;
    install(&scene, "flux").await;
    let examples = crate_folder().with_file_name("examples");
    let mut seen = 0;
    for file in yaml_files(&examples).chain(yaml_files(&examples.join("flux"))) {
        let text = fs::read_to_string(&file).unwrap();
        // Objects go to this test's own namespace, which is there.
        let text = text
            .replace(
                "  namespace: acme\n",
                &format!("  namespace: {}\n", scene.namespace),
            )
            .replace(
                "  namespace: flux-system\n",
                &format!("  namespace: {}\n", scene.namespace),
            );
        let args = ["apply", "--dry-run=server", "--filename", "-"];
        let said = run_async("kubectl", &args, &text).await;
        assert!(said.ok, "{}: {}", file.display(), said.err);
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} examples were found");
}

#[tokio::test]
async fn the_chart_with_everything_on_is_taken_by_the_api_server() {
    let scene = Scene::new("charts").await;
    install(&scene, "prometheus").await;
    let values = crate_folder().join("charts/values/production.yaml");
    let values = values.display().to_string();
    let chart = chart("titan-media");
    let name = format!("fullnameOverride={}", scene.namespace);
    let place = [
        "--namespace",
        &scene.namespace,
        "--set",
        &name,
        "--set",
        "crds.enabled=false",
    ];
    let args = [
        &["template", "titan", &chart, "--values", &values],
        &place[..],
    ]
    .concat();
    let rendered = helm(&args, "").await.expect();
    let args = [
        "apply",
        "--dry-run=server",
        "--filename",
        "-",
        "--namespace",
        &scene.namespace,
    ];
    run_async("kubectl", &args, &rendered).await.expect();
}

#[tokio::test]
async fn an_editor_writes_the_resources_and_a_viewer_reads_them() {
    let scene = Scene::new("roles").await;
    for (role, reads, writes) in [
        ("view", true, false),
        ("edit", true, true),
        ("admin", true, true),
    ] {
        let user = format!("{role}-of-{}", scene.namespace);
        let (by_role, by_user) = (format!("--clusterrole={role}"), format!("--user={user}"));
        let args = [
            "create",
            "rolebinding",
            role,
            &by_role,
            &by_user,
            "--namespace",
            &scene.namespace,
        ];
        scene.kube().kubectl(&args).await.expect();
        let as_user = format!("--as={user}");
        for (verb, expected) in [("list", reads), ("create", writes), ("delete", writes)] {
            for kind in ["mediasessions.titan.media", "tenantstorages.titan.media"] {
                let args = [
                    "auth",
                    "can-i",
                    verb,
                    kind,
                    "--namespace",
                    &scene.namespace,
                    &as_user,
                ];
                let said = scene.kube().kubectl(&args).await;
                assert_eq!(
                    said.ok, expected,
                    "{role} {verb} {kind}: {}{}",
                    said.out, said.err
                );
            }
        }
    }
}

/// Installs the definitions of another project, unless they are there.
async fn install(scene: &Scene, project: &str) {
    let folder = installed("foreign-crds")
        .join(project)
        .display()
        .to_string();
    let args = ["apply", "--server-side", "--filename", &folder];
    scene.kube().kubectl(&args).await.expect();
    let args = [
        "wait",
        "--for=condition=Established",
        "--filename",
        &folder,
        "--timeout=30s",
    ];
    scene.kube().kubectl(&args).await.expect();
}

fn yaml_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files.into_iter()
}
