/** One library under several names. Data only. */
export const REMIX = [
  'react-router',
  '@remix-run/node',
  '@remix-run/cloudflare',
  '@remix-run/deno',
  '@remix-run/server-runtime',
]
