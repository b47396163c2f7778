/** What the interpreter saw happen, in the order it saw it; `collect/` turns events into facts. */
import type { Node } from './ast.ts'
import type { Cell, HeapObject, LibraryObject, Site } from './heap.ts'
import type { Facts } from './state.ts'
import type { Value } from './value.ts'

/** Why code runs. */
export type Trigger =
  | 'startup'
  | 'request'
  | 'initialized'
  | 'onclose'
  | 'onsessionclosed'
  | 'disconnect'
  | 'timer'
  | 'shutdown'
  /** Something that start-up listens to has happened. */
  | 'news'
  | 'tool'
  | 'unreached'

/** One run of start-up code or of a handler. Objects born in activation 0 outlive every request. */
export interface Context {
  readonly trigger: Trigger
  readonly activation: number
  readonly route?: RouteFact
  /** The timer whose callback this is. */
  readonly timer?: LibraryObject
}

export interface RouteFact {
  readonly site: Site
  /** `*` when any. */
  readonly verb: string
  readonly path: string
  /** The app that requests enter by. */
  readonly app?: Site
  /** What the code sees as the path of such a request, where it sees all of it: `open` where more may follow. */
  readonly seen?: { readonly path: string; readonly open: boolean }
}

/** Identity of a session store: the place where its container is created, or a library's name for it. */
export interface StoreRef {
  readonly id: string
  readonly site: Site
  readonly name: string
  readonly kind: 'map' | 'record' | 'array' | 'set' | 'variable' | 'web-session' | 'database'
  /** The container itself, where it is one of the program's own. */
  readonly container?: HeapObject
}

interface Base {
  readonly site: Site
  /** The call in the handler (or in start-up code) that led here, where it is another place. */
  readonly via: Site | undefined
  /** The call of the function that it happened in. */
  readonly calledFrom: Site | undefined
  readonly context: Context
  readonly facts: Facts
  /** Between two moments with different numbers, other requests may run. */
  readonly moment: number
  /** Under a lock. */
  readonly alone: boolean
}

export type Event = Base &
  (
    | { readonly kind: 'store-write'; readonly store: StoreRef; readonly key: Value; readonly value: Value }
    | { readonly kind: 'store-read'; readonly store: StoreRef; readonly key: Value }
    | { readonly kind: 'store-remove'; readonly store: StoreRef; readonly key: Value }
    /** `ofCredential`: the record was found by what the request lets the caller in by, not by the handle of a session. */
    | {
        readonly kind: 'entry-write'
        readonly store: string
        readonly field: string
        readonly value: Value
        readonly ofCredential?: boolean
        /** Only where the field says otherwise until then. */
        readonly conditional?: boolean
      }
    /** A timer sets a time in a record that it was made beside, and that may be kept as a session. */
    | { readonly kind: 'record-renewed'; readonly record: Site; readonly field: string }
    /** A tool writes to what was made for its session when that was opened. */
    | { readonly kind: 'session-marked'; readonly field: string; readonly value: Value }
    | { readonly kind: 'entry-close'; readonly store: string; readonly closed: Site | undefined }
    | { readonly kind: 'time-check'; readonly store: string; readonly field: string }
    /** `replaces`: the time that a record has to live, counted from here, instead of what it had before. */
    | {
        readonly kind: 'expiry'
        readonly store: string
        readonly limit: 'idle' | 'absolute'
        readonly enabled: boolean
        readonly replaces?: boolean
      }
    | {
        readonly kind: 'dispatch'
        readonly receiver: Value
        readonly how: 'transport' | 'own' | 'answer'
        readonly callers?: readonly string[]
      }
    | {
        readonly kind: 'transport'
        readonly object: HeapObject
        readonly type: string
        readonly stateful: boolean | undefined
      }
    | { readonly kind: 'mint'; readonly value: Value; readonly what: string }
    /** Something that must not be guessed, `what`, is drawn from generators. */
    | { readonly kind: 'secret-made'; readonly value: Value; readonly what: string }
    /** `stores`: the containers that the server was found in. */
    | {
        readonly kind: 'connect'
        readonly server: HeapObject
        readonly transport: Value
        readonly stores: readonly string[]
      }
    | {
        readonly kind: 'listen'
        readonly host: Value | undefined
        readonly tls: boolean
        readonly defaultHost: string
        readonly what: string
        /** The app that is asked to listen, where it is one. */
        readonly app: Site | undefined
      }
    | { readonly kind: 'route'; readonly route: RouteFact }
    | { readonly kind: 'served'; readonly route: RouteFact }
    /** What answers the requests of `server` is code that we cannot see; `forMcp`: it is said to serve MCP. */
    | { readonly kind: 'unseen-handler'; readonly server: LibraryObject; readonly forMcp: boolean }
    | { readonly kind: 'middleware'; readonly what: string }
    | {
        readonly kind: 'session-write'
        readonly field: string
        readonly value: Value
        readonly web: boolean
        readonly store: string
      }
    | { readonly kind: 'web-session'; readonly library: string; readonly options: Value; readonly store: StoreRef }
    | { readonly kind: 'login'; readonly regenerates: boolean | undefined; readonly library: string }
    | {
        readonly kind: 'shared-write'
        readonly cell: Cell
        readonly value: Value
        readonly name: string
      }
    | { readonly kind: 'shared-clear'; readonly cell: Cell }
    /** `ofOthers`: it may hold what another request has made. */
    | {
        readonly kind: 'shared-read'
        readonly cell: Cell
        readonly name: string
        readonly ofOthers: boolean
      }
    | {
        readonly kind: 'stale-write'
        readonly read: Site | undefined
        readonly target: string
        readonly store: string | undefined
        /** A number that goes up or down by a step. */
        readonly counts: 'up' | 'down' | undefined
        /** The containers of an entry whose count, as it stands after the last await, goes up: only a check before it is old. */
        readonly tallied: readonly string[]
        /** The function that writes. */
        readonly within: Node | undefined
      }
    /** `reply`: it is known to be the answer to a request. */
    | { readonly kind: 'send-all'; readonly store: StoreRef; readonly call: Site; readonly reply: boolean }
    /** A token was signed; `expires` is unknown where its claims are. */
    /** `ofUser`: by its claims it is what somebody who has logged in is known by. */
    | { readonly kind: 'token'; readonly expires: boolean | undefined; readonly ofUser: boolean }
    /** `ignores`: one that has expired passes. */
    | {
        readonly kind: 'token-check'
        readonly value: Value
        readonly limits: boolean
        readonly ignores: boolean
      }
    | { readonly kind: 'handle-out'; readonly value: Value }
    /** MCP is served here by something that is no transport object of a session: a new stream, a handler of the SDK. */
    | { readonly kind: 'endpoint'; readonly check: 'always' | 'optional' | 'never' }
    /** A connection of a client is taken into use; `handedOn`: by code that cannot be seen. */
    | { readonly kind: 'socket'; readonly handedOn: boolean }
    /** A message makes the server do something; `direct`: start a program, run text as code, or write a file. */
    | { readonly kind: 'message-act'; readonly direct: boolean; readonly relayed?: boolean }
    /** `requestState` is taken apart before anything has shown that it is what was given out. */
    | { readonly kind: 'state-decode' }
    /** The method of a message is told apart by the server's own code. */
    | { readonly kind: 'rpc' }
    /** A secret and what a request offers for it are compared, not in constant time. */
    | { readonly kind: 'comparison'; readonly how: string; readonly presented: Value; readonly expected: Value }
    /** What something that is not seen, `kept`, is asked for a record by: a credential that a request brings. */
    | { readonly kind: 'record-asked'; readonly kept: string; readonly key: Value }
    /** `proves`: what is done with it tells that it is a credential, whatever it is called. */
    /** `proves`: whatever it is called, it is verified as one. `stands`: it stands in for the credential of a header. */
    | { readonly kind: 'url-credential'; readonly value: Value; readonly proves?: true; readonly stands?: true }
    /** Text signs, seals or proves something here: `what` says which, with an article. */
    | { readonly kind: 'secret-use'; readonly what: string; readonly value: Value }
    /** A token of somebody else is verified; `named`: only one that is meant for this server passes. */
    | {
        readonly kind: 'audience'
        readonly named: boolean
        readonly asked?: true
        /** Another issuer has made it, whatever this server signs. */
        readonly elsewhere: boolean
        /** Where options are made that name nobody. */
        readonly written?: Site | undefined
      }
    /** What an issuer says of a token is asked whether the token is good. */
    | { readonly kind: 'issuer-answer' }
    /** The token of the caller is sent to another service as it came. */
    | { readonly kind: 'token-passed'; readonly written: Site }
    | { readonly kind: 'event-store'; readonly value: Value }
    /** Events are sent again to whoever takes up a stream: from a container, of a query, or from a store that code outside hands over. */
    | {
        readonly kind: 'replay'
        readonly container: HeapObject | undefined
        readonly rows: string | undefined
        readonly handed: boolean
      }
    | { readonly kind: 'log'; readonly value: Value }
    | { readonly kind: 'answer-body'; readonly value: Value }
    | {
        readonly kind: 'cookie'
        readonly what: string
        readonly names: readonly string[]
        readonly flags: CookieFlags
        /** Where its options are written, if that is elsewhere. */
        readonly written?: Site | undefined
      }
    /** A cookie is taken back. */
    | { readonly kind: 'cookie-cleared'; readonly cookies: readonly string[] }
    /**
     * Whoever asked to be logged out, to have a token revoked, or to end a session of MCP (`session`; `delete` where no path
     * says so) is told that it is done.
     */
    | { readonly kind: 'logged-out'; readonly how: 'answer' | 'provider' | 'session' | 'delete' }
    /**
     * A record of somebody is given a new password. `store`: where it lies, if that is known; `ended`: something was done
     * about sessions on the way here; `touches`: how often that was done anywhere until now.
     */
    | { readonly kind: 'password-set'; readonly store?: string; readonly ended: boolean; readonly touches: number }
    /** The body says what is done, after a policy on what a header says is called. */
    | { readonly kind: 'named-execution'; readonly policy: Site; readonly matched: boolean }
    /** Somebody is told that what they subscribed to has changed; by `handler`, whoever listens is. */
    | {
        readonly kind: 'update-sent'
        readonly receiver: Value
        readonly topic: Value
        readonly handler: HeapObject | undefined
      }
    /** Somebody listens to, or something is emitted under, a name that an emitter is given. */
    | { readonly kind: 'topic-joined'; readonly emitter: Site; readonly topic: Value }
    | { readonly kind: 'topic-told'; readonly emitter: Site; readonly topic: Value }
    /** The SDK's handler is given a request, which may be one to listen. */
    | { readonly kind: 'handler-call'; readonly handler: HeapObject }
    /** A server that answers for tasks is connected. */
    | {
        readonly kind: 'task-store'
        readonly store: HeapObject
        /** Where a store of the program's own answers for a task. */
        readonly answers: Site | undefined
        /** It cannot tell whose tasks these are: there are no sessions, or it does not know of them. */
        readonly blind: boolean
      }
    /** An answer that does not end with its request, or a socket. */
    | { readonly kind: 'stream-open'; readonly stream: LibraryObject }
    | { readonly kind: 'stream-end'; readonly stream: LibraryObject }
    /** A credential that ends by itself is verified. */
    | { readonly kind: 'expiring-auth' }
    /** Something is asked of the clock, or of a time in a credential. */
    | { readonly kind: 'clock-check' }
    /** `written`: as the program spells it. */
    | { readonly kind: 'query-read'; readonly name: string; readonly written: string }
    /** `requestState` leaves with an answer. */
    | { readonly kind: 'state-out'; readonly value: Value }
    /** It comes back. */
    | { readonly kind: 'state-in' }
    /** It came back, is not known to be what left, and something depends on it. */
    | { readonly kind: 'state-use'; readonly how: 'decision' | 'effect' | 'answer' }
    /** It is asked whether it is what left. */
    | { readonly kind: 'state-check' }
    /** A result says something of it. */
    | { readonly kind: 'state-told'; readonly ofRequest: boolean }
    /** Something is done that cannot be seen, in a round that brought state; `again`: twice is more than once. */
    | { readonly kind: 'act'; readonly again: boolean; readonly ofRequest: boolean }
    /** A tool asks who is calling. */
    | { readonly kind: 'caller-read' }
    /** A record found by a presented handle is told, changed or put to work, and nobody has asked whose it is. */
    | { readonly kind: 'handle-use'; readonly store: string; readonly how: 'answered' | 'changed' | 'used' }
    | {
        readonly kind: 'cors'
        readonly allows: 'any' | 'reflected' | 'listed'
        readonly credentials: boolean
        /** Where its options are written, if that is elsewhere. */
        readonly written?: Site | undefined
      }
  )

/** `none`: set to the value that sends it everywhere. */
export type Flag = 'on' | 'off' | 'none'

export interface CookieFlags {
  readonly httpOnly: Flag
  readonly secure: Flag
  readonly sameSite: Flag
}

export type EventKind = Event['kind']
export type EventOf<K extends EventKind> = Extract<Event, { readonly kind: K }>
