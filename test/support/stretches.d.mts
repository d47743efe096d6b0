export function watchStretches(): () => number
