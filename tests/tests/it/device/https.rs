//! Files over HTTPS, as they are outside of tests, and what breaks on the way.

use std::time::Duration;

use titan_tests::fault::Fault;
use titan_tests::https::Https;
use titan_tests::media::Kind;
use titan_tests::relay::image;
use titan_tests::stage::Plan;
use titan_tests::wait::LATER;

use super::{Linked, OTHER, PHONE};

/// The plan with TLS in front of its CDN.
fn over_https(mut plan: Plan) -> (Plan, Https) {
    let origin = plan.cdn.url();
    let https = Https::before(&origin, plan.launch.folder.path());
    for argument in &mut plan.launch.args {
        if *argument == origin {
            *argument = https.url();
        }
    }
    let ca = https.ca_file().to_str().unwrap();
    for word in ["--cdn-ca-file", ca] {
        plan.launch.args.push(word.to_owned());
    }
    (plan, https)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_lands_whatever_breaks_on_its_way_over_https() {
    let mut front = None;
    let linked = Linked::with(|plan| {
        let (plan, https) = over_https(plan);
        front = Some(https);
        plan
    });
    let linked = linked.await.linked().await;
    let slow = Duration::from_millis(50);
    let faults = [
        vec![],
        vec![Fault::Reset(700_000)],
        vec![Fault::EndEarly(100_000), Fault::Reset(900_000)],
        vec![Fault::Trickle(400_000, slow), Fault::Refuse],
        vec![Fault::Status(503, ""), Fault::RetryAfter(1)],
        vec![Fault::Flip(200_000)],
        vec![Fault::Refuse, Fault::IgnoreRange],
    ];
    for (index, faults) in faults.into_iter().enumerate() {
        let id = format!("3EB0HTTPS{index}");
        let (sealed, path) = linked.stage.file(Kind::Image, 1_500_000 + index);
        linked.stage.cdn.fail(&path, faults.clone());
        let message = image(&sealed, &path);
        linked.relay.send(OTHER, PHONE, &id, &message).await;
        let sink = &linked.stage.sink;
        let told = sink.wait_for("message.received", &id, LATER).await;
        let media = &told.json["payload"]["media"];
        assert!(told.json["payload"]["mediaUrl"].is_string(), "{faults:?}");
        let object = linked.stage.object(media);
        assert!(object.sha256 == sealed.sha256, "{faults:?}: another file");
    }
}
