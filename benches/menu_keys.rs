//! What a key and a picture of the menu cost where every entry is in a menu of its own with a key: it has to be linear.

use std::time::Duration;

use pilotlight::config::Found;
use pilotlight::entry::{BootEntry, EntrySource, FileRef, HotKey, Origin, PayloadKind, VolumeId};
use pilotlight::fs::FsPath;
use pilotlight::inventory::Inventory;
use pilotlight::menu::{Charset, Event, Key, Listing, Model, Permissions, Size, Timeout, view};

use crate::work::computed;

const COUNTS: [usize; 2] = [1000, 10_000];

/// A row among ten thousand may take so many times what one among a thousand does; were each row compared with each
/// entry, it would take ten times as much.
const TARGET: f64 = 4.0;

/// Of each measurement the best of so many counts, in turn.
const ROUNDS: usize = 5;

pub(crate) fn measure(is_measured: bool) -> bool {
    let counts = COUNTS.map(|count| if is_measured { count } else { count / 100 });
    let mut models = counts.map(model);
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (model, best) in models.iter_mut().zip(&mut best) {
            *best = use_keys(model).min(*best);
        }
    }
    let [few, many] = [0, 1].map(|i| best[i].as_secs_f64() / counts[i] as f64);
    let growth = many / few;
    println!(
        "keys and pictures among {} and {} menus: {:.2?} and {:.2?}; a row among many takes {growth:.2} times what \
         one among few does (target: at most {TARGET})",
        counts[0], counts[1], best[0], best[1]
    );
    !is_measured || growth <= TARGET
}

/// A menu at which somebody is.
fn model(count: usize) -> Model {
    let entries = (0..count).map(|number| {
        let file = FileRef {
            volume: VolumeId { disk: 0, volume: 0 },
            path: FsPath::new("/boot/grub/grub.cfg").unwrap(),
        };
        let (id, line) = (number.to_string(), u32::try_from(number).ok());
        let origin = Origin { file, line };
        let mut entry = BootEntry::new(id, EntrySource::Grub, PayloadKind::Linux, origin);
        entry.submenu = vec![format!("Systems of the disk with the number {number}")];
        entry.submenu_keys = vec![Some(HotKey::Function(9))];
        entry
    });
    let found = Found {
        entries: entries.collect(),
        ..Found::default()
    };
    let timeout = Some(Timeout::default());
    let permissions = Permissions::default();
    let mut model = Model::new(
        String::new(),
        Vec::new(),
        permissions,
        timeout,
        Duration::ZERO,
    );
    model.handle(Event::Found(Listing::new(&Inventory::new(), &found, None)));
    model.handle(Event::Key(Key::Escape, Size::VT100, Charset::Ascii));
    model
}

/// A key that nothing has, one that every menu has, and the last page.
fn use_keys(model: &mut Model) -> Duration {
    let start = computed();
    for key in [Key::Char('x'), Key::Insert, Key::Function(9), Key::End] {
        model.handle(Event::Key(key, Size::VT100, Charset::Ascii));
        view::screen(model, Size::VT100, Charset::Ascii);
    }
    computed() - start
}
