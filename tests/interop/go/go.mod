module titan.media/interop

go 1.25

require go.mau.fi/whatsmeow v0.0.0-20251217143725-11cf47c62d32
