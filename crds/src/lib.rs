//! The two resources of Titan Media.
