/** The server that the conformance suite of MCP wants to meet, in SDK v1: its tools, resources and prompts. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type CallToolRequest,
  type CallToolResult,
  type ElicitRequestFormParams,
  type GetPromptResult,
  type ServerNotification,
  type ServerRequest,
  type ReadResourceResult,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>
type Given = Readonly<Record<string, unknown>>
type Run = (given: Given, context: { server: Server; extra: Extra }) => CallToolResult | Promise<CallToolResult>

/** The smallest picture and the shortest sound that there are. */
const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const sound = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA='
const image = { type: 'image' as const, data: picture, mimeType: 'image/png' }

const text = (said: string) => ({ type: 'text' as const, text: said })
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const named = (name: string) => ({
  type: 'object' as const,
  properties: { [name]: { type: 'string' } },
  required: [name],
})
const nothing = { type: 'object' as const, properties: {} }

const addressSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
}

const tools: Readonly<Record<string, { readonly inputSchema: Tool['inputSchema']; readonly run: Run }>> = {
  test_simple_text: {
    inputSchema: nothing,
    run: () => ({ content: [text('This is a simple text response for testing.')] }),
  },
  test_image_content: { inputSchema: nothing, run: () => ({ content: [image] }) },
  test_audio_content: {
    inputSchema: nothing,
    run: () => ({ content: [{ type: 'audio', data: sound, mimeType: 'audio/wav' }] }),
  },
  test_embedded_resource: {
    inputSchema: nothing,
    run: () => ({
      content: [
        {
          type: 'resource',
          resource: {
            uri: 'test://embedded-resource',
            mimeType: 'text/plain',
            text: 'This is an embedded resource content.',
          },
        },
      ],
    }),
  },
  test_multiple_content_types: {
    inputSchema: nothing,
    run: () => ({
      content: [
        text('Multiple content types test:'),
        image,
        {
          type: 'resource',
          resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data"}' },
        },
      ],
    }),
  },
  test_tool_with_logging: {
    inputSchema: nothing,
    async run(_, { extra }) {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
        await wait(50)
      }
      return { content: [text('logged')] }
    },
  },
  test_error_handling: {
    inputSchema: nothing,
    run: () => ({ isError: true, content: [text('This tool intentionally returns an error for testing')] }),
  },
  test_tool_with_progress: {
    inputSchema: nothing,
    async run(_, { extra }) {
      const progressToken = extra._meta?.progressToken
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined)
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 100 },
          })
        await wait(50)
      }
      return { content: [text('done')] }
    },
  },
  test_sampling: {
    inputSchema: named('prompt'),
    async run({ prompt }, { server }) {
      const { content } = await server.createMessage({
        messages: [{ role: 'user', content: text(String(prompt)) }],
        maxTokens: 100,
      })
      return { content: [text(`LLM response: ${JSON.stringify(content)}`)] }
    },
  },
  test_elicitation: {
    inputSchema: named('message'),
    run: ({ message }, { server }) =>
      ask(server, String(message), {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      }),
  },
  test_elicitation_sep1034_defaults: {
    inputSchema: nothing,
    run: (_, { server }) =>
      ask(server, 'Please review', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
  },
  test_elicitation_sep1330_enums: {
    inputSchema: nothing,
    run: (_, { server }) =>
      ask(server, 'Please choose', {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: titled('value', 'Choice') } },
      }),
  },
  test_reconnection: {
    inputSchema: nothing,
    async run(_, { extra }) {
      extra.closeSSEStream?.()
      await wait(100)
      return { content: [text('after the stream was closed')] }
    },
  },
  json_schema_2020_12_tool: {
    inputSchema: addressSchema as Tool['inputSchema'],
    run: () => ({ content: [text('valid')] }),
  },
}

const prompts: Readonly<
  Record<string, { readonly takes: readonly string[]; readonly make: (given: Given) => unknown[] }>
> = {
  test_simple_prompt: { takes: [], make: () => [text('This is a simple prompt for testing.')] },
  test_prompt_with_arguments: {
    takes: ['arg1', 'arg2'],
    make: ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
  },
  test_prompt_with_embedded_resource: {
    takes: ['resourceUri'],
    make: ({ resourceUri }) => [
      {
        type: 'resource',
        resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
      },
      text('Please process the embedded resource above.'),
    ],
  },
  test_prompt_with_image: { takes: [], make: () => [image, text('Please analyze the image above.')] },
}

const resources = [
  { uri: 'test://static-text', name: 'text', description: 'A text', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'picture', description: 'A picture', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched', description: 'To be subscribed to', mimeType: 'text/plain' },
]

/** A new server, for one session. */
export function makeServer(): Server {
  const server = new Server(
    { name: 'conformance', version: '1.0.0' },
    { capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {}, completions: {} } },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { inputSchema }]) => ({ name, description: name, inputSchema })),
  }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }: CallToolRequest, extra) => {
    const tool = tools[params.name]
    if (!tool) return { isError: true, content: [text('no such tool')] }
    return tool.run(params.arguments ?? {}, { server, extra })
  })
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, { takes }]) => ({
      name,
      description: name,
      arguments: takes.map((argument) => ({ name: argument, description: argument, required: true })),
    })),
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const contents = prompts[params.name]?.make(params.arguments ?? {}) ?? []
    return { messages: contents.map((content) => ({ role: 'user', content })) } as GetPromptResult
  })
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', description: 'By id' }],
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => read(params.uri))
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: ['test'], total: 1, hasMore: false },
  }))
  return server
}

function read(uri: string): ReadResourceResult {
  if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: 'image/png', blob: picture }] }
  const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1]
  const said = id === undefined ? 'This is the content of the static text resource.' : JSON.stringify({ id })
  return { contents: [{ uri, mimeType: 'text/plain', text: said }] }
}

async function ask(server: Server, message: string, properties: object): Promise<CallToolResult> {
  const requestedSchema = { type: 'object', properties, required: [] } as ElicitRequestFormParams['requestedSchema']
  const { action, content } = await server.elicitInput({ message, requestedSchema })
  return { content: [text(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`)] }
}

function titled(value: string, title: string): readonly { readonly const: string; readonly title: string }[] {
  return [1, 2, 3].map((place) => ({ const: `${value}${place}`, title: `${title} ${place}` }))
}
