//! The same call twice is no fault, and does nothing twice: of every POST that the document has. Only
//! a webhook's test is another event each time, of which nothing is kept.

use std::collections::BTreeSet;

use serde_json::Value;
use titan_tests::sink::Delivery;
use titan_tests::stage::Plan;

use super::table::{Caller, ROWS};
use super::{Scene, State, call};

/// What stays the same over any number of repeats. A URL is signed anew each time.
fn lasting(mut state: State) -> (Value, Value, usize, usize) {
    let media = state.media.as_object_mut().unwrap();
    media.remove("s3Url");
    media.remove("s3UrlExpiresAt");
    (state.counters, state.media, state.uploads, state.sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_post_does_nothing_twice() {
    for row in ROWS.iter().filter(|row| row.method() == "POST") {
        let scene = Scene::up(Plan::usual().await).await;
        let (api, path) = (&scene.stage.api, scene.path(row));
        let first = call(api, row, &path, "3EB0REPEATED").await;
        // A retry is done once its file is.
        if row.path().ends_with("{media}/retry") {
            scene.stage.reaches(&scene.media, "stored").await;
        }
        let before = lasting(scene.state().await);
        for _ in 0..3 {
            let again = call(api, row, &path, "3EB0REPEATED").await;
            let operation = row.operation;
            assert_eq!(
                again.status / 100,
                row.status / 100,
                "{operation}: {}",
                again.json()
            );
            if row.path().ends_with("/persist") || row.path().ends_with("/download") {
                assert_eq!(again.status, first.status, "{operation}");
            }
            if row.sends() {
                assert_eq!(again.json(), first.json(), "{operation}");
            }
        }
        let after = lasting(scene.state().await);
        assert_eq!(after, before, "{}", row.operation);
        let told = scene.stage.sink.deliveries();
        let ids: BTreeSet<_> = told.iter().map(Delivery::id).collect();
        let events = match (row.caller, row.path().rsplit('/').next()) {
            // The event of the scene, and that of the message.
            (Caller::Gateway | Caller::GatewayByPath, _) => 2,
            // The event of the scene, and one for each test.
            (_, Some("test")) => 5,
            // There is nothing to try again: no file failed or waits.
            (_, Some("retry")) if !row.path().contains("{media}") => 1,
            // The event of the scene, and that of the file.
            (_, Some("persist" | "retry")) => 2,
            _ => 1,
        };
        assert_eq!(ids.len(), events, "{}", row.operation);
    }
}
