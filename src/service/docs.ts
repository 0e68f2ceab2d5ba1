/** `/openapi.json`, and a page over it at `/docs`. The page's server is made by the first who asks for it. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { NodeApi } from '../node/api.ts'
import { openApi } from './openapi.ts'

/** @param refuse gives the page's server the answers of this node to what goes wrong */
export const addDocs = (app: FastifyInstance, api: NodeApi, version: string, refuse: (page: FastifyInstance) => void): void => {
  let page: Promise<FastifyInstance> | undefined
  const document = () => openApi(api, version)
  app.get('/openapi.json', document)
  // Taken over only once the page is there: an error on the way is still answered as one.
  const serve = async (request: FastifyRequest, reply: FastifyReply) => {
    page ??= createPage(document(), refuse).catch((error: unknown) => {
      page = undefined
      throw error
    })
    const { routing } = await page
    reply.hijack()
    routing(request.raw, reply.raw)
  }
  app.get('/docs', serve)
  app.get('/docs/*', serve)
  app.addHook('onClose', async () => {
    await (await page)?.close()
  })
}

const createPage = async (document: object, refuse: (page: FastifyInstance) => void): Promise<FastifyInstance> => {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const page = fastify()
  refuse(page)
  await page.register(swagger, { mode: 'static', specification: { document: document as never } })
  await page.register(swaggerUi, { routePrefix: '/docs' })
  await page.ready()
  return page
}
