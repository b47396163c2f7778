/** What the page does beyond being read: filter, theme, keys. Without it the page is whole and shows everything. */

/** Reads only what the page's own templates wrote into data attributes; makes no markup. */
export const SCRIPT = `
(() => {
  'use strict'
  const root = document.documentElement
  const filter = document.querySelector('.filter')
  const findings = [...document.querySelectorAll('.finding')]
  const theme = document.querySelector('.theme')
  theme.hidden = false
  theme.addEventListener('click', () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
    root.dataset.theme = dark ? 'light' : 'dark'
  })
  if (filter) {
    filter.hidden = false
    const search = filter.querySelector('input[type=search]')
    const rule = filter.querySelector('select')
    const boxes = [...filter.querySelectorAll('input[type=checkbox]')]
    const output = filter.querySelector('output')
    const on = (kind) => new Set(boxes.filter((box) => box.dataset.kind === kind && box.checked).map((box) => box.value))
    const apply = () => {
      const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean)
      const severities = on('severity')
      const statuses = on('status')
      let shown = 0
      for (const finding of findings) {
        const { severity, status, text } = finding.dataset
        const fits = severities.has(severity) && (status === 'scored' || statuses.has(status)) &&
          (!rule.value || finding.dataset.rule === rule.value) && words.every((word) => text.includes(word))
        finding.hidden = !fits
        if (fits) shown++
      }
      output.textContent = shown + ' of ' + findings.length + (findings.length === 1 ? ' finding' : ' findings')
      document.querySelector('.no-match').hidden = shown > 0
    }
    filter.addEventListener('input', apply)
    addEventListener('hashchange', () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest('.finding')
      if (target) target.hidden = false
    })
    apply()
    const go = (by) => {
      const seen = findings.filter((finding) => !finding.hidden)
      const at = seen.indexOf(document.activeElement?.closest?.('.finding'))
      const next = seen[at === -1 && by < 0 ? seen.length - 1 : Math.min(seen.length - 1, Math.max(0, at + by))]
      next?.focus({ preventScroll: true })
      next?.scrollIntoView({ block: 'start' })
    }
    addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target.matches('input[type=search]')) {
        if (event.key === 'Escape') { search.value = ''; apply(); search.blur() }
        return
      }
      if (event.target.matches('input,select')) return
      if (event.key === 'j') go(1)
      else if (event.key === 'k') go(-1)
      else if (event.key === '/') { event.preventDefault(); search.focus() }
    })
  }
  const light = (event, on) => {
    const step = event.target.closest?.('.trace li')
    if (step) document.getElementById(step.id + '-code')?.classList.toggle('lit', on)
  }
  for (const [name, on] of [['mouseover', true], ['mouseout', false], ['focusin', true], ['focusout', false]])
    document.addEventListener(name, (event) => light(event, on))
  let hidden = []
  addEventListener('beforeprint', () => {
    hidden = findings.filter((finding) => finding.hidden)
    for (const finding of hidden) finding.hidden = false
  })
  addEventListener('afterprint', () => { for (const finding of hidden) finding.hidden = true })
})()
`
