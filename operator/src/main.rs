//! `titan-operator`: arguments, configuration, one run. Exit code 64 is a configuration that can't be run
//! (`EX_USAGE`), 1 anything else.

use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Context;
use kube::Config;
use titan_operator::{
    args::{Args, Command, EX_USAGE, Run},
    clock::Clock,
    context, definitions,
    operator::Operator,
    settings::Settings,
    shutdown,
    telemetry::{self, LogLevel},
};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = match Args::from_command_line() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let result = match args.command {
        None => return start(args.run),
        Some(Command::Run(run)) => return start(*run),
        Some(Command::Crds) => definitions::yaml().map_err(Into::into),
        Some(Command::Version) => Ok(format!("titan-operator {}\n", env!("CARGO_PKG_VERSION"))),
    };
    finish(result.and_then(|text| Ok(std::io::stdout().write_all(text.as_bytes())?)))
}

fn start(args: Run) -> ExitCode {
    let log_level = telemetry::init(args.log_format);
    let (listen, leader_elect) = (args.admin_listen, args.leader_elect);
    match Settings::try_from(args) {
        Ok(settings) => finish(run(settings, listen, leader_elect, log_level)),
        Err(error) => {
            eprintln!("titan-operator: {error}");
            ExitCode::from(EX_USAGE)
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn run(
    settings: Settings,
    listen: SocketAddr,
    leader_elect: bool,
    log_level: LogLevel,
) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("signals")?;
    let operator = Operator {
        config: Config::infer()
            .await
            .context("no way to the Kubernetes API")?,
        settings: Arc::new(settings),
        clock: Clock::system(),
        identity: context::identity(),
        leader_elect,
        listener: TcpListener::bind(listen).await.context("admin port")?,
        log_level,
    };
    Ok(operator.run(shutdown).await?)
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("titan-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
