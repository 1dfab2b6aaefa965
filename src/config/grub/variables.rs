//! Variables, and the contexts that hide them from each other (`grub-core/normal/context.c`).

use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Variable {
    value: String,
    exported: bool,
}

/// The variables of all contexts; the last one counts. A copy shares everything with what it was made
/// from, and costs nothing until it changes something.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    current: Context,
    outer: Vec<Context>,
}

#[derive(Clone, Debug, Default)]
struct Context {
    top: Rc<Layer>,
    /// Bytes of all names and values, and what it costs to keep them.
    size: usize,
}

/// What was changed since a copy was made. There are as many layers as there are copies of copies: one for
/// each menu in another one.
#[derive(Debug, Default)]
struct Layer {
    below: Option<Rc<Layer>>,
    changed: Map,
}

/// `None` hides a variable of the layer below.
type Map = BTreeMap<String, Option<Variable>>;

/// What a variable takes besides its name and value.
const OVERHEAD: usize = 64;

impl Context {
    fn get(&self, name: &str) -> Option<&Variable> {
        let mut layer = Some(&self.top);
        while let Some(Layer { below, changed }) = layer.map(Rc::as_ref) {
            if let Some(found) = changed.get(name) {
                return found.as_ref();
            }
            layer = below.as_ref();
        }
        None
    }

    /// Puts `variable` in the place of what is there.
    fn put(&mut self, name: &str, variable: Option<Variable>) {
        let size = |variable: &Variable| {
            let text = name.len().saturating_add(variable.value.len());
            text.saturating_add(OVERHEAD)
        };
        let old = self.get(name).map_or(0, size);
        let new = variable.as_ref().map_or(0, size);
        self.size = self.size.saturating_sub(old).saturating_add(new);
        match Rc::get_mut(&mut self.top) {
            Some(layer) => {
                layer.changed.insert(name.to_owned(), variable);
            }
            None => {
                let below = Some(self.top.clone());
                let changed = Map::from([(name.to_owned(), variable)]);
                self.top = Rc::new(Layer { below, changed });
            }
        }
    }

    /// Everything that is set, by name.
    fn all(&self) -> Map {
        let mut all = Map::new();
        let mut layer = Some(&self.top);
        while let Some(Layer { below, changed }) = layer.map(Rc::as_ref) {
            for (name, variable) in changed {
                // What is above counts.
                if !all.contains_key(name) {
                    all.insert(name.clone(), variable.clone());
                }
            }
            layer = below.as_ref();
        }
        all
    }
}

impl Variables {
    /// The value; nothing for a variable that is not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let variable = self.current.get(name)?;
        Some(variable.value.as_str())
    }

    /// Sets it. One that was exported stays so. `root` loses its parentheses, as in GRUB
    /// (`grub_env_write_root` in `grub-core/kern/main.c`).
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let mut value = value.into();
        if name == "root"
            && let Some(inside) = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'))
        {
            value = inside.to_owned();
        }
        let exported = self.current.get(name).is_some_and(|old| old.exported);
        self.current.put(name, Some(Variable { value, exported }));
    }

    /// Removes it.
    pub(super) fn unset(&mut self, name: &str) {
        if self.current.get(name).is_some() {
            self.current.put(name, None);
        }
    }

    /// Makes it visible in contexts that are opened from now on; one that is not set becomes empty.
    pub(super) fn export(&mut self, name: &str) {
        let mut variable = self.current.get(name).cloned().unwrap_or_default();
        variable.exported = true;
        self.current.put(name, Some(variable));
    }

    /// Opens a context, for a submenu or another configuration. It begins with the variables that are
    /// exported, or with `all` of them. What that took is returned, in bytes.
    pub(super) fn open(&mut self, all: bool) -> usize {
        let mut next = Context::default();
        for (name, variable) in self.current.all() {
            let wanted = variable.filter(|variable| variable.exported || all);
            if let Some(Variable { value, .. }) = wanted {
                let exported = true;
                next.put(&name, Some(Variable { value, exported }));
            }
        }
        let took = self.current.size.saturating_add(next.size);
        self.outer.push(std::mem::replace(&mut self.current, next));
        took
    }

    /// Goes back to the context before; the first one stays.
    pub(super) fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.current = outer;
        }
    }

    /// Names and values in the order of the names.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.current.all().into_iter();
        all.filter_map(|(name, variable)| Some((name, variable?.value)))
    }

    /// How many bytes they take, in all contexts.
    pub(super) fn size(&self) -> usize {
        let sizes = self.outer.iter().map(|context| context.size);
        sizes.fold(self.current.size, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_see_what_is_exported() {
        let mut variables = Variables::default();
        variables.set("a", "1");
        variables.set("b", "2");
        variables.export("b");
        variables.export("c");
        variables.open(false);
        assert_eq!(variables.get("a"), None);
        assert_eq!(variables.get("c"), Some(""));
        variables.set("b", "3");
        variables.open(false);
        assert_eq!(variables.get("b"), Some("3"));
        variables.close();
        variables.close();
        assert_eq!(variables.get("b"), Some("2"));
        variables.close();
        assert_eq!(variables.get("a"), Some("1"));
        variables.unset("a");
        assert_eq!(variables.get("a"), None);
        let all: Vec<String> = variables
            .all()
            .map(|(name, value)| name + "=" + &value)
            .collect();
        assert_eq!(all, ["b=2", "c="]);
        assert_eq!(variables.size(), 3 + 2 * OVERHEAD);
    }

    #[test]
    fn copies_share_what_they_do_not_change() {
        let mut variables = Variables::default();
        for i in 0..1000 {
            variables.set(&format!("v{i}"), "x");
        }
        let size = variables.size();
        let mut copy = variables.clone();
        copy.set("v1", "y");
        copy.unset("v2");
        copy.set("new", "z");
        assert_eq!(copy.current.top.changed.len(), 3);
        let mut inner = copy.clone();
        inner.set("v2", "again");
        assert_eq!(
            [&variables, &copy, &inner].map(|v| v.get("v2")),
            [Some("x"), None, Some("again")]
        );
        assert_eq!(copy.all().count(), 1000);
        assert_eq!(inner.all().count(), 1001);
        assert_eq!(inner.get("v1"), Some("y"));
        copy.unset("new");
        copy.set("v1", "x");
        copy.set("v2", "x");
        assert_eq!((copy.size(), variables.size()), (size, size));
    }
}
