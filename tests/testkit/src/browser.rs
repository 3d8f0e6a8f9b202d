//! A browser without a window: it keeps what it is told to keep, and goes where it is told to go only when asked.

use reqwest::{Client, Response, redirect::Policy};

use crate::control_plane::Server;

/// A browser at a control plane.
#[derive(Debug)]
pub struct Browser {
    /// Follows nothing by itself.
    pub client: Client,
    /// Where the control plane is.
    pub server: String,
    /// Names and values.
    pub cookies: Vec<(String, String)>,
}

impl Browser {
    /// One that has been nowhere.
    pub fn new(server: &Server) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, server: server.url.clone(), cookies: Vec::new() }
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &Response) {
        for line in answer.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax") && !line.contains("Domain"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Opens a page.
    pub async fn open(&mut self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.server)).header("accept", "text/html");
        let answer = request.header("cookie", self.cookie()).send().await.unwrap();
        self.keep(&answer);
        answer
    }

    /// Sends a form that a page of this origin has.
    pub async fn post(&mut self, path: &str, origin: &str, body: String) -> Response {
        let request = self.client.post(format!("{}{path}", self.server)).header("origin", origin);
        let request = request.header("accept", "text/html").header("content-type", "application/x-www-form-urlencoded");
        let answer = request.header("cookie", self.cookie()).body(body).send().await.unwrap();
        self.keep(&answer);
        answer
    }

    /// From a page that wants to know who asks, to the provider, and back to that page.
    pub async fn sign_in(&mut self, issuer: &str, page: &str) -> Response {
        let led = location(&self.open(page).await);
        let choose = self.open(&led).await.text().await.unwrap();
        let return_to = led.split_once('?').unwrap().1;
        assert!(choose.contains(&format!("/sign-in/{issuer}?{return_to}")), "{choose}");
        let to_provider = location(&self.open(&format!("/sign-in/{issuer}?{return_to}")).await);
        let back = location(&self.client.get(to_provider).send().await.unwrap());
        // The configuration cannot know the test's port.
        let answer = self.open(back.strip_prefix("http://127.0.0.1:1").unwrap()).await;
        assert_eq!(location(&answer), page);
        self.open(page).await
    }
}

/// Where an answer leads to.
pub fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 303, "{}", answer.url());
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// What a page's form brings along.
pub fn csrf(page: &str) -> String {
    let (_, after) = page.split_once("name=\"csrf\" value=\"").expect("a form to sign out");
    after.split('"').next().unwrap().to_owned()
}
