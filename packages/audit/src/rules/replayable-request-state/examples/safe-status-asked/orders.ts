import { randomBytes } from 'node:crypto'
import { EncryptJWT, jwtDecrypt } from 'jose'

export interface Params {
  name: string
  arguments?: { dish?: string }
  requestState?: string
  inputResponses?: { address?: string }
}

interface Order {
  dish: string
  status: 'open' | 'placed'
}

const TOOL = 'dish_order'
const ENDED = { isError: true, content: [{ type: 'text', text: 'start again' }] }

/** Dishes that wait for an address, and the kitchen that cooks them. */
export class Orders {
  private readonly key = randomBytes(32)
  private readonly open = new Map<string, Order>()
  private readonly kitchen: string[] = []

  async call({ name, arguments: given, requestState, inputResponses }: Params, user: string) {
    if (name === 'dishes') return { content: [{ type: 'text', text: this.kitchen.join('\n') }] }
    if (name !== TOOL) return ENDED
    const address = inputResponses?.address
    if (requestState === undefined || address === undefined) return this.ask(given?.dish ?? 'soup', user)
    const { payload } = await jwtDecrypt(requestState, this.key, { subject: user, audience: TOOL })
    const order = this.open.get(String(payload.jti))
    if (order?.status !== 'open') return ENDED
    order.status = 'placed'
    this.kitchen.push(`${order.dish} to ${address}`)
    return { content: [{ type: 'text', text: 'it is being cooked' }] }
  }

  private async ask(dish: string, user: string) {
    const id = randomBytes(16).toString('hex')
    this.open.set(id, { dish, status: 'open' })
    const token = new EncryptJWT({}).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).setJti(id).setSubject(user)
    const requestState = await token.setAudience(TOOL).setExpirationTime('10m').encrypt(this.key)
    return { resultType: 'input_required', inputRequests: { address: {} }, requestState }
  }
}
