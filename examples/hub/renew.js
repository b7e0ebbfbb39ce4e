// Puts the page of now in the place of this one each minute, where it stays scrolled as it is. A page that cannot be renewed says so.
let renewed = new Date()
const renew = async () => {
  // what is hidden is not looked at, and what is selected is about to be copied
  if (document.hidden || !getSelection().isCollapsed) return
  try {
    const response = await fetch(location.href)
    if (!response.ok) throw new Error(`${response.status}`)
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    document.title = page.title
    document.querySelector('link').replaceWith(page.querySelector('link'))
    document.body.replaceWith(page.body)
    renewed = new Date()
  } catch {
    const lost = document.getElementById('lost')
    lost.textContent = `The hub does not answer. This is how it was at ${renewed.toLocaleTimeString()}.`
    lost.hidden = false
  }
}
setInterval(renew, 60_000)
document.addEventListener('visibilitychange', renew)
