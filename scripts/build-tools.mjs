// Whether the programs that a build needs are there, and the command that installs those that are not.
import { spawnSync } from 'node:child_process'

/**
 * -> undefined, or a message that names every missing program and the command that installs them.
 * `fetching`: MLX has to be downloaded, which needs Python.
 */
export function missingTools({ fetching }) {
  const mac = process.platform === 'darwin'
  const missing = []
  // On a Mac without the command line tools c++ opens a dialog; xcode-select does not.
  const compiler = mac ? works('xcode-select', ['-p']) : works(process.env.CXX || 'c++', ['--version'])
  if (!compiler) missing.push('compiler')
  const [major, minor] = (/(\d+)\.(\d+)/.exec(output('cmake', ['--version'])) ?? [0, 0, 0]).slice(1).map(Number)
  if (major < 3 || (major === 3 && minor < 21)) missing.push('cmake')
  if (fetching && !works('python3', ['--version'])) missing.push('python')
  else if (fetching && !works('python3', ['-m', 'pip', '--version'])) missing.push('pip')
  return missing.length > 0 ? howToInstall(missing, mac) : undefined
}

const names = {
  compiler: 'a C++20 compiler',
  cmake: 'CMake 3.21 or newer',
  python: 'Python 3 with pip',
  pip: "Python's pip",
}

/** By the program that installs packages. */
const managers = {
  'apt-get': {
    command: 'apt install',
    packages: { compiler: 'g++ make', cmake: 'cmake', python: 'python3 python3-pip', pip: 'python3-pip' },
  },
  dnf: {
    command: 'dnf install',
    packages: { compiler: 'gcc-c++ make', cmake: 'cmake', python: 'python3 python3-pip', pip: 'python3-pip' },
  },
  pacman: {
    command: 'pacman -S',
    packages: { compiler: 'gcc make', cmake: 'cmake', python: 'python python-pip', pip: 'python-pip' },
  },
  zypper: {
    command: 'zypper install',
    packages: { compiler: 'gcc-c++ make', cmake: 'cmake', python: 'python3 python3-pip', pip: 'python3-pip' },
  },
}

const brew = { cmake: 'cmake', python: 'python', pip: 'python' }

function howToInstall(missing, mac) {
  const list = (packages) =>
    missing
      .map((part) => packages[part])
      .filter(Boolean)
      .join(' ')
  const fixes = []
  if (mac) {
    if (missing.includes('compiler')) fixes.push('xcode-select --install')
    if (list(brew)) fixes.push(`brew install ${list(brew)}`)
  } else {
    const manager = Object.keys(managers).find((name) => works(name, ['--version'])) ?? 'apt-get'
    const { command, packages } = managers[manager]
    // A container's root often has no sudo.
    const sudo = process.getuid?.() === 0 ? '' : 'sudo '
    fixes.push(`${sudo}${command} ${list(packages)}`)
  }
  const what = missing.map((part) => names[part])
  return `tether builds its addon on this machine, and the build needs what is not installed:\n\n  ${what.join('\n  ')}\n\nInstall it, then run the same command again:\n\n  ${fixes.join('\n  ')}\n`
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function output(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? ''
}
