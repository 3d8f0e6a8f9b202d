//! `tracestate`, read to the letter: <https://www.w3.org/TR/trace-context-2/#tracestate-header>
//!
//! A list that breaks a rule is dropped whole, which the specification leaves to the reader: half of somebody's state may mean
//! something else than all of it. Empty members are no members, and of a key that is there twice the first counts.

use opentelemetry::trace::TraceState;

/// OpenTelemetry's own member: sampling thresholds stand here.
pub(super) const OPENTELEMETRY: &str = "ot";

/// Members that a list may have.
const MAX_MEMBERS: usize = 32;
/// Bytes of a key, and of a value.
const MAX_PART: usize = 256;
/// What is passed on of a list, in bytes: two members of the greatest size. The specification asks for 512 at least; a list goes
/// onto every message and into every reservation, so there is an end to it.
const MAX_BYTES: usize = 2 * (2 * MAX_PART + "=".len()) + ",".len();
/// Longer members than this go first where a list is too long.
const LONG_MEMBER: usize = 128;

/// The members of a `tracestate`, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tracestate(Vec<Member>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    key: String,
    value: String,
}

impl Member {
    fn bytes(&self) -> usize {
        self.key.len() + "=".len() + self.value.len()
    }
}

impl Tracestate {
    /// Reads all headers of a message as one list, in order.
    pub(super) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        let mut members = 0;
        for member in headers.into_iter().flat_map(|header| header.split(',')) {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            members += 1;
            let parts = member.split_once('=').filter(|(key, value)| is_key(key) && is_value(value));
            let Some((key, value)) = parts.filter(|_| members <= MAX_MEMBERS) else { return Self::default() };
            if list.get(key).is_none() {
                list.0.push(Member { key: key.to_owned(), value: value.to_owned() });
            }
        }
        list.shorten();
        list
    }

    /// Takes whole members away until the list is short enough: long ones first, else from the end.
    fn shorten(&mut self) {
        while self.0.iter().map(|member| member.bytes() + ",".len()).sum::<usize>() > MAX_BYTES + ",".len() {
            let long = self.0.iter().rposition(|member| member.bytes() > LONG_MEMBER);
            self.0.remove(long.unwrap_or(self.0.len() - 1));
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|member| member.key == key).map(|member| member.value.as_str())
    }

    /// The list without a key.
    pub(super) fn without(mut self, key: &str) -> Self {
        self.0.retain(|member| member.key != key);
        self
    }

    /// The header with this value for a key, or without the key. A value that is new stands first, and the last member makes room.
    pub(super) fn header_with(&self, key: &str, value: Option<&str>) -> String {
        let changed = value.filter(|value| self.get(key) != Some(value));
        let mut header = changed.map(|value| format!("{key}={value}")).unwrap_or_default();
        let kept = self.0.iter().filter(|member| member.key != key || (changed.is_none() && value.is_some()));
        for member in kept.take(MAX_MEMBERS - usize::from(changed.is_some())) {
            if !header.is_empty() {
                header.push(',');
            }
            header.extend([&member.key, "=", &member.value]);
        }
        header
    }

    /// The members that OpenTelemetry's type takes: its grammar of keys with `@` is that of Level 1.
    pub(super) fn for_span(&self) -> TraceState {
        let one = |member: &&Member| TraceState::from_key_value([(&member.key, &member.value)]).is_ok();
        let members = self.0.iter().filter(one).map(|member| (&member.key, &member.value));
        TraceState::from_key_value(members).unwrap_or_default()
    }
}

/// `( a-z / 0-9 ) 0*255 ( a-z / 0-9 / "_" / "-" / "*" / "/" / "@" )`
fn is_key(key: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = key.bytes();
    bytes.next().is_some_and(letter)
        && key.len() <= MAX_PART
        && bytes.all(|byte| letter(byte) || b"_-*/@".contains(&byte))
}

/// Printable ASCII without `,` and `=`. Blanks before it are part of it; those after it are gone already.
fn is_value(value: &str) -> bool {
    let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b',' && byte != b'=';
    (1..=MAX_PART).contains(&value.len()) && value.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&str]) -> String {
        Tracestate::parse(headers.iter().copied()).header_with("", None)
    }

    #[test]
    fn a_list_that_is_too_long_loses_long_members_first_then_the_last() {
        let long = |key: &str| format!("{key}={}", "v".repeat(200));
        let short: Vec<_> = (0..20).map(|n| format!("s{n:02}={}", "v".repeat(36))).collect();
        let header = format!("{},{},{},{}", long("l1"), short.join(","), long("l2"), long("l3"));
        assert_eq!(read(&[&header]), format!("{},{}", long("l1"), short.join(",")));
        let many: Vec<_> = (0..32).map(|n| format!("s{n:02}={}", "v".repeat(96))).collect();
        assert_eq!(read(&[&many.join(",")]), many[..10].join(","));
        let greatest = format!("{}={}", "k".repeat(256), "v".repeat(256));
        assert_eq!(read(&[&greatest]), greatest);
    }

    #[test]
    fn a_new_value_stands_first_and_makes_room() {
        let full: Vec<_> = (0..32).map(|n| format!("k{n}=v")).collect();
        let list = Tracestate::parse([full.join(",").as_str()]);
        assert_eq!(list.header_with("ot", Some("th:8")), format!("ot=th:8,{}", full[..31].join(",")));
        let list = Tracestate::parse(["a=1,ot=th:8,b=2"]);
        assert_eq!(list.header_with("ot", Some("th:8")), "a=1,ot=th:8,b=2");
        assert_eq!(list.header_with("ot", Some("th:c")), "ot=th:c,a=1,b=2");
        assert_eq!(list.header_with("ot", None), "a=1,b=2");
        assert_eq!(list.without("ot").header_with("ot", None), "a=1,b=2");
    }

    #[test]
    fn a_span_holds_what_its_type_can_hold() {
        let list = Tracestate::parse(["a=1,a@b@c=2,ot=th:8"]);
        assert_eq!(list.for_span().header(), "a=1,ot=th:8");
        assert_eq!(list.header_with("ot", Some("th:8")), "a=1,a@b@c=2,ot=th:8");
    }
}
