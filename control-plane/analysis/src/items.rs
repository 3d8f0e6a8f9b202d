//! What traces say of themselves, counted: each attribute's value, by the service that says it, and the traces in which it does.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use control_plane_model::otlp::{self, SentResource, StoredSpan, StoredValue, Value, text};

/// What the name of a span is called among its attributes.
pub const OPERATION: &str = "span.name";

/// Values beyond these are not counted.
const MAX_ITEMS: usize = 200_000;
/// The most bytes that all values have together.
const MAX_TEXT: usize = 32 << 20;
/// Texts that are longer are not counted: they are statements, stacks and bodies.
const MAX_VALUE: usize = 256;

/// The most elements of a list that are counted.
const MAX_ELEMENTS: usize = 32;
/// Values of all traces together, each trace for itself.
const MAX_COUNTED: usize = 20_000_000;

/// They say how a span was sampled or searched for, not what happened.
const OF_TRACING: [&str; 2] = ["sampling.", "aws.xray."];

/// A value of an attribute, as one service says it.
pub(crate) struct Item {
    pub(crate) service: u32,
    pub(crate) key: u32,
    value: (u32, u32),
    /// Numbers of traces, ascending.
    pub(crate) traces: Vec<u32>,
}

/// An attribute.
pub(crate) struct Key {
    pub(crate) name: Box<str>,
    /// On how many spans that failed, and how many that did not; of a resource none count.
    pub(crate) spans: [u32; 2],
    passed_over: bool,
    /// The span that it was seen on last: of an attribute that is there twice the first counts.
    last: u32,
}

/// A sender of spans, by numbers of its names.
#[derive(Clone)]
pub(crate) struct Sender {
    /// `service.name`
    pub(crate) service: u32,
    items: Arc<[u32]>,
}

/// All values, with numbers for names.
pub(crate) struct Items {
    /// Of its own, so that nobody who sends spans can know which values meet.
    hasher: RandomState,
    numbers: HashMap<u64, u32>,
    pub(crate) items: Vec<Item>,
    text: Vec<u8>,
    pub(crate) keys: Vec<Key>,
    key_numbers: HashMap<Box<str>, u32>,
    pub(crate) services: Vec<Box<str>>,
    service_numbers: HashMap<Box<str>, u32>,
    /// By the address of a resource, which is kept for as long as it is known by that.
    senders: HashMap<usize, (Arc<SentResource>, Sender)>,
    passed_over: Vec<String>,
    spans: u32,
    /// Traces of all values together.
    counted: usize,
    /// Whether there were more values than are counted.
    pub(crate) full: bool,
}

impl Items {
    /// None yet; attributes that begin like one of `passed_over` will not be counted.
    pub(crate) fn new(passed_over: Vec<String>) -> Self {
        Self {
            hasher: RandomState::new(),
            numbers: HashMap::new(),
            items: Vec::new(),
            text: Vec::new(),
            keys: Vec::new(),
            key_numbers: HashMap::new(),
            services: Vec::new(),
            service_numbers: HashMap::new(),
            senders: HashMap::new(),
            passed_over,
            spans: 0,
            counted: 0,
            full: false,
        }
    }

    /// Looks up the sender of spans.
    pub(crate) fn sender(&mut self, resource: &Arc<SentResource>) -> Sender {
        let address = Arc::as_ptr(resource) as usize;
        if let Some((_, sender)) = self.senders.get(&address) {
            return sender.clone();
        }
        let name = otlp::Resource::of(resource).service;
        let service = number(&mut self.service_numbers, &mut self.services, &name, |name| name.into());
        let mut items = Vec::new();
        for attribute in &resource.attributes {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref()).and_then(otlp::scalar);
            if let Some(value) = value {
                let key = self.key(attribute.key.as_bytes());
                items.extend(self.item(service, key, value.as_bytes()));
            }
        }
        let sender = Sender { service, items: items.into() };
        self.senders.insert(address, (resource.clone(), sender.clone()));
        sender
    }

    /// Counts what a trace's sender says.
    pub(crate) fn count_sender(&mut self, trace: u32, sender: &Sender) {
        for item in sender.items.iter() {
            self.seen(*item, trace);
        }
    }

    /// Counts what a span says; the number of its operation.
    pub(crate) fn count_span(&mut self, trace: u32, service: u32, span: &StoredSpan, failed: bool) {
        self.spans += 1;
        for attribute in &span.attributes {
            let key = self.key(&attribute.key);
            let Some(known) = self.keys.get_mut(key as usize) else { continue };
            if known.last == self.spans {
                continue;
            }
            known.last = self.spans;
            known.spans[usize::from(!failed)] += 1;
            match attribute.value.as_ref() {
                Some(StoredValue { value: Some(Value::List(list)) }) => {
                    self.full |= list.values.len() > MAX_ELEMENTS;
                    let elements = list.values.iter().take(MAX_ELEMENTS);
                    elements.for_each(|value| self.count_value(trace, service, key, value));
                }
                Some(value) => self.count_value(trace, service, key, value),
                None => {}
            }
        }
        if let Some(operation) = self.operation(service, span) {
            self.seen(operation, trace);
        }
    }

    /// The item that a span's name is.
    pub(crate) fn operation(&mut self, service: u32, span: &StoredSpan) -> Option<u32> {
        let key = self.key(OPERATION.as_bytes());
        self.item(service, key, &span.name)
    }

    fn count_value(&mut self, trace: u32, service: u32, key: u32, value: &StoredValue) {
        let item = match value.value.as_ref() {
            Some(Value::Text(text)) => self.item(service, key, text),
            // A measurement; no two are alike.
            Some(Value::Double(number)) if number.fract() != 0.0 => None,
            _ => value.scalar().and_then(|text| self.item(service, key, text.as_bytes())),
        };
        if let Some(item) = item {
            self.seen(item, trace);
        }
    }

    fn seen(&mut self, item: u32, trace: u32) {
        let Some(item) = self.items.get_mut(item as usize) else { return };
        if item.traces.last() == Some(&trace) {
            return;
        }
        if self.counted >= MAX_COUNTED {
            self.full = true;
            return;
        }
        self.counted += 1;
        item.traces.push(trace);
    }

    fn key(&mut self, name: &[u8]) -> u32 {
        let name = std::str::from_utf8(name).unwrap_or_default();
        let passed_over = &self.passed_over;
        number(&mut self.key_numbers, &mut self.keys, name, |name| {
            let own = passed_over.iter().map(String::as_str);
            let passed_over = name.is_empty() || own.chain(OF_TRACING).any(|start| name.starts_with(start));
            Key { name: name.into(), spans: [0; 2], passed_over, last: 0 }
        })
    }

    /// The number of a value, or `None` for what is not counted.
    fn item(&mut self, service: u32, key: u32, value: &[u8]) -> Option<u32> {
        if value.is_empty() || value.len() > MAX_VALUE || self.keys.get(key as usize)?.passed_over {
            return None;
        }
        let hash = self.hasher.hash_one((service, key, value));
        match self.numbers.entry(hash) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if self.items.len() >= MAX_ITEMS || self.text.len() + value.len() > MAX_TEXT => {
                self.full = true;
                None
            }
            Entry::Vacant(free) => {
                let at = u32::try_from(self.text.len()).ok()?;
                self.text.extend_from_slice(value);
                let end = u32::try_from(self.text.len()).ok()?;
                let number = u32::try_from(self.items.len()).ok()?;
                self.items.push(Item { service, key, value: (at, end), traces: Vec::new() });
                Some(*free.insert(number))
            }
        }
    }

    /// The text of a value.
    pub(crate) fn value(&self, item: &Item) -> &str {
        let (from, to) = item.value;
        self.text.get(from as usize..to as usize).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The name of an attribute.
    pub(crate) fn key_name(&self, key: u32) -> &str {
        self.keys.get(key as usize).map_or("", |key| &key.name)
    }

    /// The name of a service.
    pub(crate) fn service_name(&self, service: u32) -> &str {
        self.services.get(service as usize).map_or("", |name| name)
    }
}

/// The number of a name; what is new is made, and has the next.
fn number<T>(numbers: &mut HashMap<Box<str>, u32>, list: &mut Vec<T>, name: &str, make: impl Fn(&str) -> T) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let number = list.len() as u32;
    list.push(make(name));
    numbers.insert(name.into(), number);
    number
}

/// The name of a span.
pub(crate) fn name(span: &StoredSpan) -> &str {
    text(&span.name)
}

#[cfg(test)]
mod tests {
    use control_plane_model::otlp::{StoredAttribute, StoredList};

    use super::*;

    #[test]
    fn of_a_long_list_the_first_elements_count_and_it_is_told() {
        let number = |number| StoredValue { value: Some(Value::Integer(number)) };
        for (length, counted, full) in [(32, 32, false), (33, 32, true), (60_000, 32, true)] {
            let list = StoredList { values: (0..length).map(number).collect() };
            let value = Some(StoredValue { value: Some(Value::List(list)) });
            let attribute = StoredAttribute { key: "seats".into(), value };
            let span = StoredSpan { attributes: vec![attribute], ..StoredSpan::default() };
            let mut items = Items::new(Vec::new());
            items.count_span(0, 0, &span, false);
            assert_eq!((items.items.len(), items.full), (counted, full), "{length}");
        }
    }

    #[test]
    fn no_more_is_counted_than_memory_holds() {
        let mut items = Items::new(Vec::new());
        let span = StoredSpan { name: "GET /".into(), ..StoredSpan::default() };
        items.counted = MAX_COUNTED - 1;
        for (trace, full) in [(0, false), (0, false), (1, true)] {
            items.count_span(trace, 0, &span, false);
            assert_eq!(items.full, full, "{trace}");
        }
        assert_eq!(items.items.iter().map(|item| item.traces.len()).sum::<usize>(), 1);
    }
}
