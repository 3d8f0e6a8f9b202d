-- Where the states are that go with these spans: of several, what was named first.
SELECT argMin(states, (at, states)) FROM keeper
