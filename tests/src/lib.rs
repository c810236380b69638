//! Black-box tests of Titan Media.
