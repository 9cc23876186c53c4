//! A server of ours, and bots that play on it.

mod acks;
mod bot;
mod gallery;
mod recording;
mod tail;
mod tick_clock;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use fracas_client::{Codecs, LineProfile, ServerUrl, upgraded};
use fracas_shared::Pilot;
use fracas_shared::message::Joined;

use self::bot::Bot;
use self::gallery::Gallery;
pub(crate) use self::recording::{Recorder, Recording};
pub(crate) use self::tail::Evidence;
use self::tail::Tail;
use super::{Connecting, Players, Target};
use crate::player::Failure;
use crate::scenario::{Behaviour, Group};

/// What the kernel keeps for a bot that reads slowly: less than a second of updates, so that a server notices.
const SLOW_RECEIVE_BYTES: usize = 2048;

/// Everything that the bots of a group have in common.
pub(crate) struct Fracas<G: Pilot>(Arc<Common>, std::marker::PhantomData<fn() -> G>);

pub(crate) struct Common {
    pub(crate) url: ServerUrl,
    pub(crate) group: Group,
    pub(crate) name_prefix: String,
    pub(crate) seed: u64,
    /// What is played back, when that is how these bots play.
    pub(crate) recording: Option<Recording>,
    /// Where the first bot's inputs go.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) evidence: Evidence,
}

impl Common {
    /// Whether a bot reads all the time: otherwise what it waits for is its own doing, and not measured.
    fn is_measured(&self) -> bool {
        !matches!(self.group.behaviour, Behaviour::Slow | Behaviour::Chaos)
    }

    /// Whether every update that is missing is the server's fault: not when the line or the bot is why.
    fn is_judged(&self) -> bool {
        let line = self.group.line;
        self.is_measured() && line.rate_kbps == 0 && line.stall_ms == 0
    }
}

impl<G: Pilot> Fracas<G> {
    pub(crate) fn new(common: Common) -> Self {
        Self(Arc::new(common), std::marker::PhantomData)
    }
}

impl<G: Pilot> Target for Fracas<G> {
    fn connect(&self) -> Connecting {
        let url = self.0.url.clone();
        Box::pin(async move { upgraded(&url).await.map_err(Failure::from) })
    }

    fn receive_bytes(&self) -> Option<usize> {
        (self.0.group.behaviour == Behaviour::Slow).then_some(SLOW_RECEIVE_BYTES)
    }

    fn line(&self) -> LineProfile {
        self.0.group.line
    }

    fn players(&self) -> Players {
        let lane = Rc::new(Lane::<G> {
            common: self.0.clone(),
            codecs: Codecs::of::<G>(),
            galleries: RefCell::default(),
            rules: RefCell::default(),
            tail: RefCell::default(),
        });
        Box::new(move |session, now| Box::new(Bot::new(lane.clone(), session, now)))
    }
}

/// What the bots of a group and a lane share.
struct Lane<G: Pilot> {
    common: Arc<Common>,
    codecs: Arc<Codecs>,
    /// By room.
    galleries: RefCell<BTreeMap<String, Weak<Gallery<G>>>>,
    /// The rules of the last room, and the config that they were made from: nearly always, the next
    /// room has the same.
    rules: RefCell<Option<(String, Rc<G>)>>,
    tail: RefCell<Tail>,
}

impl<G: Pilot> Lane<G> {
    /// Remembers a message to the bot of this number.
    fn remember(self: &Rc<Self>, bot: u32, at: Instant, message: &[u8]) {
        // Each bot holds the lane, and who makes them does.
        self.tail.borrow_mut().push(bot, Rc::strong_count(self), at, message);
    }

    fn gallery(&self, joined: &Joined, now: Instant) -> Rc<Gallery<G>> {
        let mut galleries = self.galleries.borrow_mut();
        if let Some(gallery) = galleries.get(&joined.room).and_then(Weak::upgrade) {
            return gallery;
        }
        galleries.retain(|_, gallery| gallery.strong_count() > 0);
        let gallery = Rc::new(Gallery::new(joined.tick_hz, now));
        galleries.insert(joined.room.clone(), Rc::downgrade(&gallery));
        gallery
    }

    fn rules(&self, joined: &Joined) -> Result<Rc<G>, Failure> {
        let mut cached = self.rules.borrow_mut();
        if let Some((of, rules)) = &*cached
            && *of == joined.config
        {
            return Ok(rules.clone());
        }
        let bad = |problem: String| {
            Failure::new("bad_config", format!("the room's config cannot be used: {problem}"))
        };
        let config = serde_json::from_str(&joined.config).map_err(|error| bad(error.to_string()))?;
        let rules = Rc::new(G::new(&config).map_err(|error| bad(error.to_string()))?);
        *cached = Some((joined.config.clone(), rules.clone()));
        Ok(rules)
    }
}
