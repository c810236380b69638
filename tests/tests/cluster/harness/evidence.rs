//! What a failed test leaves in `target/cluster-logs/<test>/`: objects, events and logs.

use std::fs;
use std::path::Path;

use super::folder;
use super::kube::run;

/// Kinds that are written as YAML; Secrets are not among them.
const KINDS: &str = "mediasessions,tenantstorages,deployments,replicasets,pods,jobs,services,endpointslices,\
configmaps,persistentvolumeclaims,networkpolicies,ingresses";

/// Writes down the state of a test's namespace and of the operator.
pub(crate) fn collect(test: &str, namespace: &str) {
    let to = folder().with_file_name("cluster-logs").join(test);
    let _ = fs::remove_dir_all(&to);
    let _ = fs::create_dir_all(&to);
    save(
        &to.join("objects.yaml"),
        &["get", KINDS, "-n", namespace, "-o", "yaml"],
    );
    save(
        &to.join("overview.txt"),
        &["get", KINDS, "-n", namespace, "-o", "wide"],
    );
    save(&to.join("pods.txt"), &["describe", "pods", "-n", namespace]);
    let by_time = "--sort-by=.metadata.creationTimestamp";
    save(
        &to.join("events.txt"),
        &["get", "events", "-n", namespace, by_time],
    );
    for (place, name) in [(namespace, "sidecar"), ("titan-system", "operator")] {
        let pods = kubectl(&["get", "pods", "-n", place, "-o", "name"]);
        for pod in pods.split_whitespace() {
            let file = format!("{name}-{}.log", pod.trim_start_matches("pod/"));
            save(
                &to.join(&file),
                &["logs", "-n", place, pod, "--all-containers"],
            );
            let before = ["logs", "-n", place, pod, "--all-containers", "--previous"];
            save(&to.join(format!("previous-{file}")), &before);
        }
    }
    eprintln!("logs, events and objects are in {}", to.display());
}

fn kubectl(args: &[&str]) -> String {
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let said = run("kubectl", &args, "");
    if said.ok { said.out } else { String::new() }
}

fn save(file: &Path, args: &[&str]) {
    let text = kubectl(args);
    if !text.is_empty()
        && let Err(error) = fs::write(file, text)
    {
        eprintln!("{}: {error}", file.display());
    }
}
