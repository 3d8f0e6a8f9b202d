//! The control plane's process, and what keeps its spans.

use std::{
    collections::BTreeMap, fs::OpenOptions, io::Write as _, net::Ipv4Addr, os::unix::fs::OpenOptionsExt as _,
    path::Path, time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, process::Command};

use crate::{
    children::Supervised,
    clickhouse::{ClickHouse, Store},
    ministack::{
        BOOKING_ACCOUNT, OBSERVABILITY_ACCOUNT, REGION, SIMULATED_BOOKING_ACCOUNT, SIMULATED_MILEAGE_ACCOUNT,
        program_beside,
    },
    port::Port,
    sign_in::SignIn,
    tier_accounts::MileageAccount,
};

/// The variable that names the store: an argument could be seen by everybody on this machine, and an address has a password.
const STORE: &str = "CONTROL_PLANE_STORE";

/// The place of a control plane that has not started: functions and user pools are told its address when they are deployed, and it is told of
/// the pools when it starts.
#[derive(Debug)]
pub struct Reserved {
    /// Nobody else gets the port meanwhile.
    kept: ReservedPort,
    /// Where it will listen.
    pub url: String,
}

/// How a port is kept.
#[derive(Debug)]
enum ReservedPort {
    /// Until the control plane starts: one that was asked for is kept from whoever asks for it too.
    Asked(TcpListener),
    /// Until it listens.
    Any(Port),
}

impl Reserved {
    /// A place on `port`, or on another one where that is taken.
    pub async fn at(port: u16) -> Result<Self> {
        let asked = match port {
            0 => None,
            _ => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.ok(),
        };
        let (port, kept) = match asked {
            Some(listener) => (port, ReservedPort::Asked(listener)),
            None => {
                let port = Port::free()?;
                (port.number, ReservedPort::Any(port))
            }
        };
        Ok(Self { kept, url: format!("http://{}:{port}", Ipv4Addr::LOCALHOST) })
    }
}

/// So that there is a cost to see: list prices, and not what anybody paid. One of the demo's simulated
/// services has the most memory that Lambda gives.
const PRICES: &str = include_str!("../prices.toml");

/// What the configuration file says, a section each. `front` is the front door; `tenants` is the registry's table.
pub fn configuration(
    front: &str,
    url: &str,
    tenants: &str,
    mileage: &[MileageAccount],
    sign_in: Option<&SignIn>,
) -> Result<String> {
    let sections = [
        names_of_accounts(mileage),
        "[slo]\nsettle_seconds = 5\n".to_owned(),
        "[intake]\nhmac_key = \"of the local cloud alone\"\n".to_owned(),
        PRICES.to_owned(),
        format!("[tenants]\ntable = \"{tenants}\"\ntiers = [\"basic\", \"standard\", \"premium\"]\n"),
        sign_in.map(|sign_in| sign_in.configuration(url, front)).transpose()?.unwrap_or_default(),
    ];
    Ok(sections.concat())
}

/// What accounts are called: of every account that the map may show, a name.
fn names_of_accounts(mileage: &[MileageAccount]) -> String {
    let named = [
        (BOOKING_ACCOUNT, "booking"),
        (OBSERVABILITY_ACCOUNT, "observability"),
        (SIMULATED_BOOKING_ACCOUNT, "simulated booking"),
        (SIMULATED_MILEAGE_ACCOUNT, "simulated mileage"),
    ];
    let mileage = mileage.iter().map(|mileage| (mileage.account.as_str(), mileage.stack.as_str()));
    // By id: somebody may give a tier an account of the simulation's, and a key stands in a table once.
    let names: BTreeMap<&str, &str> = named.into_iter().chain(mileage).collect();
    let lines = names.iter().map(|(id, name)| format!("{id} = \"{name}\"\n"));
    format!("[accounts]\n{}", lines.collect::<String>())
}

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    /// Its process.
    pub process: Supervised,
    /// Where it listens.
    pub url: String,
    /// The process of the database that was started for it.
    pub clickhouse: Option<Supervised>,
}

impl ControlPlane {
    /// Starts it where a place is reserved, with its data below `dir`; `endpoint` is AWS, where it has the rights of account A.
    pub async fn start(
        reserved: Reserved,
        project: &Path,
        dir: &Path,
        configuration: &str,
        store: &Store,
        endpoint: &str,
    ) -> Result<Self> {
        let (clickhouse, address) = match store {
            Store::Embedded => (None, None),
            Store::At(address) => (None, Some(address.clone())),
            Store::ClickHouse => {
                let ClickHouse { process, address } = ClickHouse::start(project, dir).await?;
                (Some(process), Some(address))
            }
        };
        let program = program_beside("control-plane")?;
        if let Some(address) = &address {
            let migrated = Command::new(&program).arg("migrate").env(STORE, address).output().await?;
            if !migrated.status.success() {
                bail!("no tables for the control plane: {}", String::from_utf8_lossy(&migrated.stderr));
            }
        }
        let data = dir.join("control-plane").to_string_lossy().into_owned();
        let config = dir.join("control-plane.toml");
        // It has secrets.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&config);
        let written = file.and_then(|mut file| file.write_all(configuration.as_bytes()));
        written.with_context(|| format!("cannot write {}", config.display()))?;
        let config = config.to_string_lossy().into_owned();
        let Reserved { kept, url } = reserved;
        let listen = url.trim_start_matches("http://").to_owned();
        let _until_it_listens = match kept {
            ReservedPort::Asked(listener) => {
                drop(listener);
                None
            }
            ReservedPort::Any(port) => Some(port),
        };
        let args = ["serve", "--listen", &listen, "--data", &data, "--config", &config];
        let aws = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", BOOKING_ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ];
        let aws = aws.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env: Vec<_> = address.into_iter().map(|address| (STORE.to_owned(), address)).chain(aws).collect();
        let log = dir.join("control-plane.log");
        let process = Supervised::start("control plane", &program, &args.map(str::to_owned), &env, log)?;
        let mut control_plane = Self { process, url, clickhouse };
        control_plane.wait_until_healthy().await?;
        Ok(control_plane)
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let health = format!("{}/healthz", self.url);
        let process = &mut self.process;
        for _ in 0..1_200 {
            tokio::select! {
                status = process.ended() => bail!("the control plane ended ({}):\n{}", status?, process.last_words()),
                answer = reqwest::get(&health) => if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                },
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the control plane did not start:\n{}", process.last_words())
    }

    /// Waits until it, or its database, ends by itself; the error says which.
    pub async fn ended(&mut self) -> Result<()> {
        let database = async {
            match &mut self.clickhouse {
                Some(process) => process.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.process.ended() => {
                bail!("the control plane ended ({}):\n{}", status?, self.process.last_words())
            }
            status = database => bail!("ClickHouse ended ({})", status?),
        }
    }

    /// Ends it, then its database.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await?;
        match &mut self.clickhouse {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ministack::MILEAGE_ACCOUNT, tier_accounts::mileage_accounts};

    #[test]
    fn every_account_that_the_map_may_show_has_one_name() {
        let of = |own: &[&str]| {
            let own: Vec<_> = own.iter().map(|one| one.parse().unwrap()).collect();
            names_of_accounts(&mileage_accounts(&own).unwrap())
        };
        let names: toml::Table = of(&["premium=666666666666", "basic=444444444444"]).parse().unwrap();
        let accounts = [
            BOOKING_ACCOUNT,
            MILEAGE_ACCOUNT,
            OBSERVABILITY_ACCOUNT,
            SIMULATED_BOOKING_ACCOUNT,
            SIMULATED_MILEAGE_ACCOUNT,
            "666666666666",
        ];
        assert!(accounts.iter().all(|id| names["accounts"].get(id).is_some()), "{names:?}");
        assert_eq!(names["accounts"]["666666666666"].as_str(), Some("mileage-premium"));
    }
}
