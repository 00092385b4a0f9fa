/** Every address of the site; each page is a script of its own, fetched when it is first seen. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Role } from './types'

declare module 'vue-router' {
  interface RouteMeta {
    /** Least role; 'public' pages follow the site's setting, others are for anyone. */
    needs?: Role | 'public'
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/home' },
  { path: '/home', component: () => import('./pages/Home.vue'), meta: { needs: 'public' } },
  { path: '/runs', component: () => import('./pages/Runs.vue'), meta: { needs: 'public' } },
  { path: '/runs/:id', component: () => import('./pages/Run.vue'), meta: { needs: 'public' } },
  { path: '/compare', component: () => import('./pages/Compare.vue'), meta: { needs: 'public' } },
  { path: '/predict', component: () => import('./pages/Predict.vue'), meta: { needs: 'public' } },
  { path: '/launch', component: () => import('./pages/Launch.vue'), meta: { needs: 'operator' } },
  { path: '/jobs', component: () => import('./pages/Jobs.vue'), meta: { needs: 'operator' } },
  { path: '/jobs/:id', component: () => import('./pages/Job.vue'), meta: { needs: 'operator' } },
  { path: '/login', component: () => import('./pages/Login.vue') },
  { path: '/register', component: () => import('./pages/Register.vue') },
  { path: '/profile', component: () => import('./pages/Profile.vue'), meta: { needs: 'user' } },
  { path: '/about', component: () => import('./pages/About.vue') },
  { path: '/admin/users', component: () => import('./pages/admin/Users.vue'), meta: { needs: 'admin' } },
  { path: '/admin/queue', component: () => import('./pages/admin/Queue.vue'), meta: { needs: 'admin' } },
  { path: '/admin/datasets', component: () => import('./pages/admin/Datasets.vue'), meta: { needs: 'admin' } },
  { path: '/admin/offers', component: () => import('./pages/admin/Offers.vue'), meta: { needs: 'admin' } },
  { path: '/admin/audit', component: () => import('./pages/admin/Audit.vue'), meta: { needs: 'admin' } },
  { path: '/:rest(.*)*', component: () => import('./pages/NotFound.vue') },
]

export const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : to.hash ? { el: to.hash } : { top: 0 }),
})
