//! A JSON object whose members are not parsed: a member can be added, and the values of the others stay the same byte for byte.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Members in their order, each with the text of its value.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(String, Cow<'a, str>)>);

impl<'a> Object<'a> {
    /// Reads an object. There is none if the text is no JSON object.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text of a member's value; `null` counts as no value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value.as_ref());
        value.filter(|value| *value != "null")
    }

    /// The value of a member that is a string.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// The elements of a member that is an array, not parsed.
    pub(super) fn array(&self, name: &str) -> Option<Vec<&str>> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.get(name)?).ok()?;
        Some(elements.into_iter().map(RawValue::get).collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Adds a member, or gives it another value. The value is JSON.
    pub(super) fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(member, _)| member == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.to_owned(), value.into())),
        }
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}:{value}", quoted(name))?;
        }
        f.write_str("}")
    }
}

/// Writes a text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a JSON array of values that are JSON already.
pub(super) fn array(elements: &[String]) -> String {
    format!("[{}]", elements.join(","))
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, Cow::Borrowed(value.get())));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_stays_as_it_was() {
        let mut object = Object::parse(r#"{"a": 1.0e3, "b\n": {"x" : [1, 2]}, "c": null}"#).unwrap();
        assert_eq!((object.get("a"), object.get("c"), object.get("d")), (Some("1.0e3"), None, None));
        object.set("c", quoted("say \"so\""));
        object.set("d", "[]".to_owned());
        assert_eq!(object.to_string(), r#"{"a":1.0e3,"b\n":{"x" : [1, 2]},"c":"say \"so\"","d":[]}"#);
        assert_eq!(object.string("c").as_deref(), Some("say \"so\""));
        assert_eq!(Object::default().to_string(), "{}");
        for text in ["[]", "1", "", "{", "{} x"] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }
}
