//! The file that keeps tokens: `control-plane/tokens.json` in the user's configuration folder, for that user's eyes alone.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use reqwest::Url;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::id_token::Claims;

/// Longer than another command takes that exchanges a token.
const LOCKED_WITHIN: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(20);

/// What somebody has who is signed in. It has no `Debug`: none of it is to be seen.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredLogin {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) token_endpoint: Url,
    pub(super) revocation_endpoint: Option<Url>,
    pub(super) id_token: String,
    pub(super) refresh_token: Option<String>,
}

impl StoredLogin {
    /// Whether the ID token does not end within these seconds.
    pub(super) fn is_good_for(&self, seconds: i64) -> bool {
        Claims::of(&self.id_token).is_some_and(|claims| claims.exp > Timestamp::now().as_second() + seconds)
    }

    /// The name of the user who signed in.
    pub(super) fn user_name(&self) -> String {
        Claims::of(&self.id_token).map(|claims| claims.email.unwrap_or(claims.sub)).unwrap_or_default()
    }
}

/// All sign-ins, by the origin of the control plane.
type All = BTreeMap<String, StoredLogin>;

/// The user's folder.
pub(super) struct Tokens {
    folder: PathBuf,
}

/// The tokens, locked so that no other command changes them.
pub(super) struct Locked {
    tokens: Tokens,
    _lock: File,
}

impl Tokens {
    /// The folder that the XDG Base Directory Specification names, on macOS too.
    pub(super) fn of_this_user() -> Result<Self> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let config = config.context("neither XDG_CONFIG_HOME nor HOME says where your tokens are kept")?;
        Ok(Self { folder: config.join("control-plane") })
    }

    fn file(&self) -> PathBuf {
        self.folder.join("tokens.json")
    }

    /// All that is kept. The error of a file that others can read says so: it may be known to them.
    pub(super) fn read(&self) -> Result<All> {
        match File::open(&self.folder) {
            Ok(folder) => closed_to_others(&self.folder, &folder, 0o022)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(All::new()),
            Err(error) => return Err(error).with_context(|| self.folder.display().to_string()),
        }
        let path = self.file();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(All::new()),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        // The check is of the file that was opened, not of the one that has its name now.
        closed_to_others(&path, &file, 0o077)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| path.display().to_string())?;
        let again = || format!("{} is not as it was written; without it, sign in again", path.display());
        serde_json::from_str(&text).with_context(again)
    }

    /// Waits for other commands that change it.
    pub(super) async fn lock(self) -> Result<Locked> {
        let folder = &self.folder;
        DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
        closed_to_others(folder, &File::open(folder)?, 0o022)?;
        let path = folder.join("tokens.lock");
        // A symbolic link could lead to another file.
        let no_link = OFlags::NOFOLLOW.bits().cast_signed();
        let opened =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link).open(&path);
        let lock = opened.with_context(|| path.display().to_string())?;
        let locked = async {
            loop {
                match lock.try_lock() {
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(AGAIN).await,
                    outcome => return outcome,
                }
            }
        };
        let waited = tokio::time::timeout(LOCKED_WITHIN, locked).await;
        waited.with_context(|| format!("another command holds {}", path.display()))??;
        Ok(Locked { tokens: self, _lock: lock })
    }
}

impl Locked {
    pub(super) fn read(&self) -> Result<All> {
        self.tokens.read()
    }

    /// Writes it anew, all of it or nothing.
    pub(super) fn change(&self, change: impl FnOnce(&mut All)) -> Result<()> {
        let mut all = self.read()?;
        change(&mut all);
        let (path, new) = (self.tokens.file(), self.tokens.folder.join("tokens.json.new"));
        let write = || {
            // A command that was ended while it wrote has left this file.
            if let Err(error) = fs::remove_file(&new)
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(serde_json::to_string_pretty(&all)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().with_context(|| path.display().to_string())
    }
}

fn closed_to_others(path: &Path, file: &File, bits: u32) -> Result<()> {
    let (what, mode) = if bits & 0o044 == 0 { ("written to", 700) } else { ("read", 600) };
    if file.metadata()?.mode() & bits == 0 {
        return Ok(());
    }
    let path = path.display();
    bail!(
        "{path} can be {what} by others, and is not used: chmod {mode} {path}, and sign in again if somebody may have"
    );
}
