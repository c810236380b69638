// Hands every message of a Baileys socket to Titan Media, one after the other, and tries again until it is on disk there.
export function forward(ev, url, key) {
    let last = Promise.resolve()
    ev.on('messages.upsert', upsert => {
        const body = JSON.stringify(upsert)
        last = last.then(() => deliver(url, key, body))
    })
    return () => last
}

async function deliver(url, key, body) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    for (let pause = 1000; ; pause = Math.min(pause * 2, 60_000)) {
        const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
        if (answer?.ok) return
        if (answer?.status === 400) return console.error(await answer.text()) // it would never be taken
        await new Promise(done => setTimeout(done, pause))
    }
}
