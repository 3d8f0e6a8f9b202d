//! The mail by which somebody learns that they have an account, and at which company.
//!
//! Whoever registers a company chooses its name, and with it a part of mails that others get. So the name can be no markup, no link and none of
//! Cognito's placeholders. A name that Cognito would refuse to mail is left out, since Cognito would refuse the new user with it.

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// A subject of Cognito's has at most 140 characters, however it counts them, and the rest of ours takes 16.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_MessageTemplateType.html>
const MAX_NAME_UNITS: usize = 124;

/// Where Cognito puts what it alone knows.
#[derive(Debug, Clone, Copy)]
pub struct Placeholders<'a> {
    /// Where the name to sign in with goes, such as `{username}`.
    pub username: &'a str,
    /// Where the temporary password goes, such as `{####}`.
    pub password: &'a str,
}

/// A mail as Cognito sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationMail {
    /// The subject, as plain text.
    pub subject: String,
    /// What it says, as HTML.
    pub message: String,
}

impl InvitationMail {
    /// The mail of this company. None where its name cannot be mailed: the user pool has a text without a name.
    pub fn of_company(name: &str, portal_url: Option<&str>, placeholders: Placeholders<'_>) -> Option<Self> {
        let name = mailable(name)?;
        let at = portal_url.map(|url| format!(" at {}", escape(url))).unwrap_or_default();
        let (company, Placeholders { username, password }) = (escape(&name), placeholders);
        Some(Self {
            message: format!(
                "You have an account at {company}. Sign in{at} as {username} with the password {password} and choose one of your own. \
                 The password is good for seven days. If you expect no such account, do nothing."
            ),
            subject: format!("Your account at {name}"),
        })
    }
}

/// The name as it can be mailed, if it can.
fn mailable(name: &str) -> Option<String> {
    let name = without_links(name.trim());
    let fits = (1..=MAX_NAME_UNITS).contains(&name.encode_utf16().count());
    (fits && name.chars().all(is_mailable)).then_some(name)
}

/// Cognito mails letters, marks, numbers, punctuation, symbols and space; what is in braces it would replace. Among those left out are characters
/// that turn the direction of a text around, or that nobody sees.
fn is_mailable(character: char) -> bool {
    use Category as C;
    let is_left_out = matches!(
        get_general_category(character),
        C::Control
            | C::Format
            | C::PrivateUse
            | C::Surrogate
            | C::Unassigned
            | C::LineSeparator
            | C::ParagraphSeparator
    );
    !is_left_out && !['{', '}'].contains(&character)
}

/// With a space wherever a mail program would see an address and make a link of it: `https: / /evil. example`.
fn without_links(name: &str) -> String {
    let mut apart = String::with_capacity(name.len());
    let mut before = None;
    for character in name.chars() {
        let joins = match before {
            Some('.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}') => character.is_alphanumeric(),
            Some(':' | '/') => character == '/',
            _ => false,
        };
        if joins {
            apart.push(' ');
        }
        apart.push(character);
        before = Some(character);
    }
    apart
}

/// As text of HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const COGNITOS: Placeholders<'_> = Placeholders { username: "{username}", password: "{####}" };

    fn mail(name: &str) -> Option<InvitationMail> {
        InvitationMail::of_company(name, Some("https://portal.example"), COGNITOS)
    }

    #[test]
    fn a_mail_names_the_company_and_where_to_sign_in() {
        let mail = mail("Acme Airways").unwrap();
        assert_eq!(mail.subject, "Your account at Acme Airways");
        let sign_in = "You have an account at Acme Airways. Sign in at https://portal.example as {username} with the password {####} and ";
        assert!(mail.message.starts_with(sign_in), "{}", mail.message);
        let nowhere = InvitationMail::of_company("Acme Airways", None, COGNITOS).unwrap();
        assert!(nowhere.message.contains(". Sign in as {username} with "), "{}", nowhere.message);
    }

    #[test]
    fn a_name_is_text_and_never_markup() {
        let mail = mail(r#"<a href="x">Wright & Sons'</a>"#).unwrap();
        assert!(!mail.message.contains(['<', '>', '"', '\'']), "{}", mail.message);
        assert!(
            mail.message.contains("at &lt;a href=&quot;x&quot;&gt;Wright &amp; Sons&#39;&lt;/a&gt;. Sign in"),
            "{}",
            mail.message
        );
        // A subject is no HTML.
        assert_eq!(mail.subject, r#"Your account at <a href="x">Wright & Sons'</a>"#);
    }

    #[test]
    fn a_name_is_no_link() {
        for (name, shown) in [
            ("https://evil.example/sign-in", "https: / /evil. example/sign-in"),
            ("//evil", "/ /evil"),
            ("Sign in at www.evil.example", "Sign in at www. evil. example"),
            ("help@evil.example", "help@evil. example"),
            ("evil\u{3002}example", "evil\u{3002} example"),
            // Whoever means no link hardly sees a difference.
            ("J.P. Wright Co.", "J. P. Wright Co."),
            ("Luftfart A/S", "Luftfart A/S"),
        ] {
            let mail = mail(name).unwrap();
            assert_eq!(mail.subject, format!("Your account at {shown}"));
            assert!(mail.message.contains(&format!("at {shown}. Sign in")), "{}", mail.message);
        }
    }

    #[test]
    fn a_name_that_cognito_would_not_mail_is_left_out() {
        let long = "x".repeat(MAX_NAME_UNITS + 1);
        let clefs = "\u{1d11e}".repeat(100);
        let hidden = ["a\u{202e}b", "a\u{200b}b", "a\u{7}b", "a\nb", "a\u{2028}b", "a\u{e000}b", "a\u{fdd0}b"];
        for name in ["", " ", "{####}", "{username}", "a}", &long, &clefs].into_iter().chain(hidden) {
            assert_eq!(mail(name), None, "{name:?}");
        }
        for name in ["Ærø Fly", "नमस्ते एयर", "全日本空輸", "Café Air™", "e\u{301}", &"x".repeat(MAX_NAME_UNITS)]
        {
            let mail = mail(name).unwrap();
            assert!(mail.message.contains(name) && mail.subject.encode_utf16().count() <= 140, "{mail:?}");
        }
    }
}
