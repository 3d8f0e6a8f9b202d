//! A signed-in user, who calls the APIs through the front door.

use jiff::{ToSpan, tz::TimeZone};
use local::{
    outputs::{Outputs, User},
    users::sign_in,
};
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// A user with an ID token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// The ID token.
    pub token: String,
    booking_url: String,
    mileage_url: String,
    http: Client,
}

/// What an API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// JSON body; null if there is none.
    pub body: Value,
}

impl Answer {
    /// The trace id of the response's `traceparent`.
    pub fn trace_id(&self) -> String {
        let traceparent = self.headers["traceparent"].to_str().unwrap();
        traceparent.split('-').nth(1).unwrap().to_owned()
    }

    /// The booking number of a booking.
    pub fn booking_number(&self) -> String {
        self.body["booking_number"].as_str().unwrap_or_else(|| panic!("no booking: {self:?}")).to_owned()
    }

    /// Asserts that this is a problem document (RFC 9457) with this status.
    pub fn assert_problem(&self, status: u16, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{case}");
        assert!(self.body["type"].is_string() && self.body["detail"].is_string(), "{case}: {}", self.body);
    }
}

impl Caller {
    /// Signs in.
    pub async fn sign_in(outputs: &Outputs, user: User) -> Self {
        let token = sign_in(outputs, &user.username, &user.password).await.unwrap();
        Self::with_token(outputs, user, token)
    }

    /// A caller with this token, whatever it is.
    pub fn with_token(outputs: &Outputs, user: User, token: String) -> Self {
        Self {
            user,
            token,
            booking_url: outputs.booking_url.clone(),
            mileage_url: outputs.mileage_url.clone(),
            http: Client::new(),
        }
    }

    /// A request to account A's API.
    pub fn booking(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.booking_url)).bearer_auth(&self.token)
    }

    /// A request to account B's API.
    pub fn mileage(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.mileage_url)).bearer_auth(&self.token)
    }

    /// The miles of a booking, once they are posted.
    pub async fn miles(&self, booking_number: &str) -> i64 {
        crate::eventually(&format!("miles of {booking_number}"), async || {
            let answer = send(self.mileage(&format!("/mileage/{booking_number}"))).await;
            // 429 and 503: a busy machine, or somebody who asks too often.
            assert!([200, 429, 503].contains(&answer.status), "{}", answer.body);
            (answer.body["status"] == "posted").then(|| answer.body["miles"].as_i64().unwrap())
        })
        .await
    }

    /// The balance, and the number of bookings that stand in it.
    pub async fn balance(&self) -> (i64, i64) {
        let answer = send(self.mileage("/mileage")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (answer.body["miles"].as_i64().unwrap(), answer.body["bookings"].as_i64().unwrap())
    }

    /// Books with this body.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.booking(Method::POST, "/bookings").header("content-type", "application/json");
        send(request.body(body)).await
    }

    /// Books with this idempotency key.
    pub async fn post_with_key(&self, body: &Value, key: &str) -> Answer {
        send(self.booking(Method::POST, "/bookings").header("idempotency-key", key).json(body)).await
    }

    /// Cancels a booking.
    pub async fn cancel(&self, booking_number: &str) -> Answer {
        send(self.booking(Method::POST, &cancellation_of(booking_number))).await
    }

    /// Reads from account A's API.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.booking(Method::GET, path)).await
    }

    /// Reads from account B's API.
    pub async fn get_mileage(&self, path: &str) -> Answer {
        send(self.mileage(path)).await
    }

    /// Sends a request made with [`Caller::booking`].
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        send(request).await
    }
}

/// Where a booking is cancelled.
pub(crate) fn cancellation_of(booking_number: &str) -> String {
    format!("/bookings/{booking_number}/cancellation")
}

/// Sends a request of anybody, signed in or not.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default() }
}

/// A booking that can be made.
pub fn a_booking(from: &str, to: &str) -> Value {
    json!({
        "from_airport": from,
        "to_airport": to,
        "departure_date": day(30).to_string(),
        "passenger_name": "Amelia Earhart",
    })
}

/// Books and asserts that it worked.
pub async fn book(caller: &Caller, from: &str, to: &str) -> Answer {
    let answer = caller.post(a_booking(from, to).to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

/// The day so many days from today, in UTC.
pub fn day(days: i64) -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().checked_add(days.days()).unwrap()
}
