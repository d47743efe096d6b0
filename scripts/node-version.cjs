// Which Node tether needs. In CommonJS and the syntax of Node 12: an old Node runs it too, and says what to install.
'use strict'

/** -> what is wrong and how to fix it, or undefined. `engines` in package.json says the same. */
function wrongNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return undefined
  return `tether needs Node 20.19 or newer in the 20 line, or 22.12 and up; this is ${version}. To install one with nvm or with Homebrew:\n\n  nvm install 22\n  brew install node@22\n`
}

/** For programs: `start` has to import() everything else, since an old Node may not even parse it. */
function onRightNode(start) {
  const wrong = wrongNode()
  if (wrong === undefined) return start()
  console.error(wrong)
  process.exitCode = 1
}

/** For the library. */
function checkNode() {
  const wrong = wrongNode()
  if (wrong !== undefined) throw new Error(wrong)
}

module.exports = { wrongNode, onRightNode, checkNode }
