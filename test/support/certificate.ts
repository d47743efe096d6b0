/** Self-signed certificates for servers on 127.0.0.1, made when a test needs one. */
import { generateKeyPairSync, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. */
  key: string
  cert: string
}

/** Valid from `from` until `to`. Of two with one name, a client that is told to trust both finds only the first. */
export function selfSigned(from: Date, to: Date, commonName = 'tether test'): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // ecdsa-with-SHA256
  const algorithm = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  // commonName
  const attribute = der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(commonName)))
  const name = der(0x30, der(0x31, attribute))
  // subjectAltName: the IP address
  const address = der(0x30, der(0x87, Buffer.from([127, 0, 0, 1])))
  const extension = der(0x30, der(0x06, Buffer.from('551d11', 'hex')), der(0x04, address))
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    der(0x30, time(from), time(to)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  const base64 = der(0x30, body, algorithm, signature).toString('base64').replaceAll(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  }
}

/** A value of ASN.1 with its tag and length. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** UTCTime: two digits of the year. */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replaceAll(/[-:T]|\..*/g, '')
    .slice(2)
  return der(0x17, Buffer.from(`${digits}Z`))
}
