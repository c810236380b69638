//! Sending through a gateway's own API. Pure: a message to a request, an answer to what it says.
