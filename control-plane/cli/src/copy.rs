//! `control-plane copy`: from a data folder to ClickHouse.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use control_plane::{config::Config, intake::by_trace};
use control_plane_clickhouse::ClickHouse;
use control_plane_embedded::{Archive, FILE};
use control_plane_model::store::{Scope, SpanStore};

/// Traces that are compared.
const SAMPLE: u32 = 200;
/// Between two lines that say how far it is.
const EVERY: Duration = Duration::from_secs(5);

/// How far a folder has been copied, kept in it.
struct Progress {
    file: PathBuf,
    /// Where to: a folder may be copied to several databases.
    to: String,
    position: i64,
    spans: u64,
}

impl Progress {
    fn read(data: &Path, to: String) -> Self {
        let file = data.join("copied");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut words = text.split_whitespace();
        let of_this = words.next() == Some(to.as_str());
        let mut number = || words.next().filter(|_| of_this).and_then(|word| word.parse().ok()).unwrap_or_default();
        let (position, spans) = (number(), number());
        Self { file, to, position, spans: u64::try_from(spans).unwrap_or_default() }
    }

    fn write(&self) -> Result<()> {
        let text = format!("{} {} {}\n", self.to, self.position, self.spans);
        fs::write(&self.file, text).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// Copies; whether what is there then is what was here.
pub(crate) async fn copy(data: &Path, config: &Config) -> Result<bool> {
    let Some(address) = config.store()? else { bail!("name the database to copy to: --store clickhouse://…") };
    let file = data.join(FILE);
    if !file.exists() {
        bail!("there is no {}", file.display());
    }
    let from = Archive::open(&file)?;
    let to = ClickHouse::new(&address);
    if to.migrations().await?.iter().any(|migration| !migration.applied) {
        bail!("the database lacks tables: control-plane migrate makes them");
    }
    let mut progress = Progress::read(data, format!("{}/{}", address.url, address.database));
    let (all, before, begun) = (from.spans()?, progress.spans, Instant::now());
    let mut said = begun;
    while let Some((position, request)) = from.after(progress.position)? {
        let (traces, rejected) = by_trace(request, None, jiff::Timestamp::now().as_second());
        if rejected.count > 0 {
            bail!("{} spans cannot be stored as they are", rejected.count);
        }
        progress.spans += to.write(traces).await?.spans as u64;
        progress.position = position;
        progress.write()?;
        if said.elapsed() >= EVERY {
            said = Instant::now();
            let rate = (progress.spans - before) as f64 / begun.elapsed().as_secs_f64();
            say(&format!("{} of {all} spans, {rate:.0} a second", progress.spans));
        }
    }
    say(&format!(
        "{} of {all} spans in {:.0} s; their sums are being made",
        progress.spans,
        begun.elapsed().as_secs_f64()
    ));
    to.make_sums().await?;
    let summed = to.summed_spans().await?;
    let sample = from.sample(SAMPLE)?;
    let mut different = 0;
    for trace_id in &sample {
        if from.trace(*trace_id)? != to.trace(&Scope::All, *trace_id).await? {
            different += 1;
            say(&format!("trace {trace_id} differs"));
        }
    }
    say(&format!("{all} spans here, {summed} in the sums there; {different} of {} traces differ", sample.len()));
    // There may have been others.
    Ok(summed >= all && different == 0)
}

fn say(text: &str) {
    // Nobody may be reading standard error, which is no reason to fail.
    let _unread = writeln!(std::io::stderr(), "{text}");
}
