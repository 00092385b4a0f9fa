/** Every address of the site; each page is a script of its own, fetched when it is first seen. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { pages, type Page } from './pages'

declare module 'vue-router' {
  interface RouteMeta {
    needs?: Page['needs']
  }
}

const files = import.meta.glob('./pages/**/*.vue')

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/home' },
  ...pages.map(({ path, file, needs }) => ({ path, component: files[`./pages/${file}.vue`], meta: { needs } })),
  { path: '/:rest(.*)*', component: files['./pages/NotFound.vue'] },
]

export const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : to.hash ? { el: to.hash } : { top: 0 }),
})
