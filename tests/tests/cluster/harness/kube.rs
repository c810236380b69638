//! The API server: `kubectl` for what a person does, plain HTTP over `kubectl proxy` for waiting.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use titan_tests::api::Api;

use super::object::{Object, collection};
use super::variable;

/// How often a condition is asked again: other tests share the machine.
const POLL: Duration = Duration::from_millis(150);

/// What a program said at its end.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Whether it succeeded.
    pub(crate) ok: bool,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

// === impl Said ===

impl Said {
    /// Standard output of a success; a failure is a failed test.
    #[track_caller]
    pub(crate) fn expect(self) -> String {
        assert!(self.ok, "{}{}", self.out, self.err);
        self.out
    }

    /// Asserts a failure whose words contain each of `words`.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str]) {
        assert!(!self.ok, "was accepted: {}", self.out);
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in: {}", self.err);
        }
    }
}

/// Runs a program to its end with `input` on standard input.
pub(crate) fn run(program: &str, args: &[String], input: &str) -> Said {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    // A program that ends before it has read all tells why by itself.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        ok: output.status.success(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// [`run`] beside the runtime.
pub(crate) async fn run_async(program: &str, args: &[&str], input: &str) -> Said {
    let (program, input) = (program.to_owned(), input.to_owned());
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    tokio::task::spawn_blocking(move || run(&program, &args, &input))
        .await
        .unwrap()
}

/// The API server.
#[derive(Debug, Clone)]
pub(crate) struct Kube {
    api: Api,
}

// === impl Kube ===

impl Kube {
    /// The one that test.sh names.
    pub(crate) fn from_env() -> Self {
        Self {
            api: Api::new(&variable("TITAN_KUBE_API")),
        }
    }

    /// `kubectl ARGS`.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Said {
        run_async("kubectl", args, "").await
    }

    /// `kubectl apply` of documents as a person would; `more` are further flags.
    pub(crate) async fn try_apply(&self, documents: &[Value], more: &[&str]) -> Said {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
        let args = [&["apply", "--filename", "-"], more].concat();
        run_async("kubectl", &args, &list.to_string()).await
    }

    /// [`Self::try_apply`] that must succeed.
    pub(crate) async fn apply(&self, documents: &[Value]) {
        self.try_apply(documents, &[]).await.expect();
    }

    /// `kubectl create` of one document, with further flags such as `--as`.
    pub(crate) async fn try_create(&self, document: &Value, more: &[&str]) -> Said {
        let args = [&["create", "--filename", "-"], more].concat();
        run_async("kubectl", &args, &document.to_string()).await
    }

    /// Any GET; `None` where there is no such thing, or no answer now.
    pub(crate) async fn read(&self, path: &str) -> Option<Value> {
        let reply = self.api.try_call("GET", path, &[], b"").await.ok()?;
        (reply.status == 200).then(|| reply.json())
    }

    /// An object; `None` where it is not there, or the API server does not answer now.
    pub(crate) async fn get(&self, object: &Object) -> Option<Value> {
        self.read(&object.path()).await
    }

    /// Objects of a kind in a namespace that carry a label (`key=value`; empty: all).
    pub(crate) async fn list(&self, kind: &str, namespace: &str, label: &str) -> Vec<Value> {
        let label = label.replace('=', "%3D").replace('/', "%2F");
        let path = format!("{}?labelSelector={label}", collection(kind, namespace));
        let mut list = self.read(&path).await.unwrap_or_default();
        match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }

    /// Changes an object by a JSON merge patch.
    pub(crate) async fn patch(&self, object: &Object, patch: &Value) -> Value {
        let headers = [("content-type", "application/merge-patch+json")];
        let body = patch.to_string();
        let reply = self.api.call("PATCH", &object.path(), &headers, body).await;
        reply.expect(200).json()
    }

    /// Deletes an object in the background.
    pub(crate) async fn delete(&self, object: &Object) {
        let reply = self.api.call("DELETE", &object.path(), &[], b"").await;
        assert!(
            matches!(reply.status, 200 | 202 | 404),
            "{object}: {reply:?}"
        );
    }

    /// Waits until an object is there and `holds` for it; returns it.
    pub(crate) async fn wait(
        &self,
        deadline: Duration,
        object: &Object,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + deadline;
        let mut last = None;
        loop {
            let now = self.get(object).await;
            match now {
                Some(now) if holds(&now) => return now,
                other => last = other.or(last),
            }
            assert!(
                Instant::now() < end,
                "{object}: not within {deadline:?}: {what}; last seen: {}",
                summary(last.as_ref())
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until an object is gone.
    pub(crate) async fn wait_gone(&self, deadline: Duration, object: &Object) {
        let what = format!("{object} is gone");
        wait_until(deadline, &what, async || {
            let reply = self.api.try_call("GET", &object.path(), &[], b"").await;
            reply.is_ok_and(|reply| reply.status == 404)
        })
        .await;
    }
}

/// Repeats `attempt` until it yields a value.
pub(crate) async fn retry<T>(
    deadline: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until `holds`.
pub(crate) async fn wait_until(
    deadline: Duration,
    what: &str,
    mut holds: impl AsyncFnMut() -> bool,
) {
    retry(deadline, what, async || holds().await.then_some(())).await;
}

/// What matters of an object in a failed test.
fn summary(object: Option<&Value>) -> String {
    object.map_or_else(
        || "nothing".to_owned(),
        |object| {
            let metadata = &object["metadata"];
            format!(
                "generation {}, deleted {}, status {:#}",
                metadata["generation"], metadata["deletionTimestamp"], object["status"]
            )
        },
    )
}
