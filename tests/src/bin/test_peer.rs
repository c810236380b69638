//! `titan-test-peer`: what the sessions of the cluster tests talk to, beside their bucket.

use titan_tests::peer::Peer;

#[tokio::main]
async fn main() {
    let _peer = Peer::start().await;
    std::future::pending::<()>().await;
}
